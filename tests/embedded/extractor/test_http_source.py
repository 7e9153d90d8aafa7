import hashlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any

import pytest

from schemas.errors import (
    AccessDeniedError,
    EmptyAudioError,
    NotFoundError,
    TooLargeError,
    TrackError,
    UndecodableAudioError,
    UnreachableError,
    UriRefusedError,
)
from shared.settings.media import MediaSettings
from tests.embedded.extractor.audio_server import AUDIO, serving
from workers.extractor.sources.audio_source import AudioSource
from workers.extractor.sources.checked_network import resolved
from workers.extractor.sources.doors import Address, WebPlace, place_of
from workers.extractor.sources.http_source import HttpSource


@pytest.fixture
def seen() -> list[dict[str, str]]:
    return []


@pytest.fixture
def server(seen: list[dict[str, str]]) -> Iterator[str]:
    with serving(seen) as url:
        yield url


def a_source(**settings: Any) -> AudioSource:
    return AudioSource(
        MediaSettings(
            **{
                "allow_private_addresses": True,
                "max_bytes": 1_000_000,
                "read_timeout_s": 2.0,
                "total_timeout_s": 5.0,
                **settings,
            }
        )
    )


@pytest.fixture
def source() -> Iterator[AudioSource]:
    source = a_source()
    yield source
    source.close()


def test_a_download_is_hashed_and_lies_in_a_file(server: str, source: AudioSource) -> None:
    with source.fetch(f"{server}/audio") as fetched:
        assert fetched.n_bytes == len(AUDIO)
        assert fetched.content_hash == hashlib.sha256(AUDIO).hexdigest()
        assert fetched.file.read() == AUDIO
        assert fetched.file.fileno() > 2


def test_a_request_names_the_host_and_asks_for_plain_bytes(
    server: str, source: AudioSource, seen: list[dict[str, str]]
) -> None:
    source.fetch(f"{server.replace('127.0.0.1', 'me:p%40ss@LOCALHOST')}/audio/%C3%A9?a=b#c").close()

    [request] = seen
    assert request["host"] == server.replace("http://127.0.0.1", "localhost")
    assert request["accept-encoding"] == "identity"
    assert request["authorization"] == "Basic bWU6cEBzcw=="
    assert request[":path"] == "/audio/%C3%A9?a=b"


def test_connections_are_kept_for_the_next_download(server: str, source: AudioSource) -> None:
    for _ in range(3):
        source.fetch(f"{server}/audio").close()

    assert len(source._http._connections.connections) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NotFoundError),
        (410, NotFoundError),
        (400, NotFoundError),
        (204, NotFoundError),
        (206, NotFoundError),
        (401, AccessDeniedError),
        (403, AccessDeniedError),
        (408, UnreachableError),
        (429, UnreachableError),
        (500, UnreachableError),
        (503, UnreachableError),
    ],
)
def test_a_status_becomes_an_error_that_says_it(
    server: str, source: AudioSource, status: int, error: type[TrackError]
) -> None:
    with pytest.raises(error, match=str(status)):
        source.fetch(f"{server}/status/{status}")


def test_redirects_are_followed_as_often_as_allowed(server: str) -> None:
    source = a_source(max_redirects=3)

    source.fetch(f"{server}/redirect/3").close()
    with pytest.raises(UriRefusedError, match="NEEDLEDROP_MEDIA_MAX_REDIRECTS"):
        source.fetch(f"{server}/redirect/4")
    source.close()


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "s3://bucket/key", "ftp://127.0.0.1/", "http://169.254.169.254/latest/meta-data/"],
)
def test_a_redirect_is_checked_like_any_uri(server: str, source: AudioSource, location: str) -> None:
    with pytest.raises(UriRefusedError):
        source.fetch(f"{server}/to?{location}")


def test_a_redirect_without_a_target_is_an_answer_without_audio(server: str, source: AudioSource) -> None:
    with pytest.raises(NotFoundError, match="302"):
        source.fetch(f"{server}/nowhere")


def test_a_password_does_not_follow_a_redirect_to_another_origin(
    server: str, source: AudioSource, seen: list[dict[str, str]]
) -> None:
    elsewhere = server.replace("127.0.0.1", "localhost")

    source.fetch(f"{server.replace('://', '://me:secret@')}/to?{elsewhere}/audio").close()

    assert ["authorization" in request for request in seen] == [True, False]


def test_loopback_is_closed_by_default_and_the_message_names_the_setting(server: str) -> None:
    source = a_source(allow_private_addresses=False)

    for uri in (server, server.replace("127.0.0.1", "localhost"), server.replace("127.0.0.1", "[::ffff:127.0.0.1]")):
        with pytest.raises(UriRefusedError, match="NEEDLEDROP_MEDIA_ALLOW_PRIVATE_ADDRESSES"):
            source.fetch(f"{uri}/audio")
    source.close()


def _web_place(uri: str, settings: MediaSettings) -> WebPlace:
    place = place_of(uri, settings)
    assert isinstance(place, WebPlace)
    return place


def test_a_name_that_resolves_anew_is_checked_where_the_connection_is_made(
    server: str, seen: list[dict[str, str]]
) -> None:
    """DNS rebinding: a public address for whoever checks, a private one for whoever connects."""
    answers: list[list[Address]] = [[ip_address("127.0.0.1")], [ip_address("93.184.216.34"), ip_address("127.0.0.1")]]
    n_asked = 0

    def resolve(_: str, __: int) -> list[Address]:
        nonlocal n_asked
        n_asked += 1
        return answers[n_asked - 1]

    settings = MediaSettings(total_timeout_s=2.0)
    source = HttpSource(settings, resolve)
    for _ in answers:
        with pytest.raises(UriRefusedError, match=r"127\.0\.0\.1 is not public"):
            source.fetch(_web_place(server.replace("127.0.0.1", "rebinding.example") + "/audio", settings), "shown")
    source.close()

    assert n_asked == len(answers)
    assert not seen


def test_the_next_address_is_tried_when_one_does_not_answer(server: str, seen: list[dict[str, str]]) -> None:
    settings = MediaSettings(allow_private_addresses=True, total_timeout_s=5.0)
    source = HttpSource(settings, lambda _, __: [ip_address("127.0.0.2"), ip_address("127.0.0.1")])

    source.fetch(_web_place(server.replace("127.0.0.1", "two.example") + "/audio", settings), "shown").close()
    source.close()

    assert seen[0]["host"].startswith("two.example:")


@pytest.mark.parametrize("path", ["/audio", "/chunked", "/claims/1000001"])
def test_a_body_that_is_too_large_is_refused(server: str, path: str) -> None:
    source = a_source(max_bytes=len(AUDIO) - 1)

    with pytest.raises(TooLargeError, match="NEEDLEDROP_MEDIA_MAX_BYTES"):
        source.fetch(f"{server}{path}")
    source.close()


def test_an_empty_body_is_empty_audio(server: str, source: AudioSource) -> None:
    with pytest.raises(EmptyAudioError):
        source.fetch(f"{server}/status/200")


def test_a_body_that_would_inflate_is_refused(server: str, source: AudioSource) -> None:
    with pytest.raises(UndecodableAudioError, match="gzip"):
        source.fetch(f"{server}/zipped")


def test_a_playlist_is_refused(server: str, source: AudioSource) -> None:
    with pytest.raises(UriRefusedError, match="playlist"):
        source.fetch(f"{server}/playlist")


def test_a_body_that_ends_early_is_worth_another_try(server: str, source: AudioSource) -> None:
    with pytest.raises(UnreachableError):
        source.fetch(f"{server}/claims/1000")


def test_a_silent_server_is_unreachable_after_the_read_timeout(server: str) -> None:
    source = a_source(read_timeout_s=0.2)
    began = time.monotonic()

    with pytest.raises(UnreachableError, match="timeout"):
        source.fetch(f"{server}/silent")
    source.close()

    assert time.monotonic() - began < 2.0


@pytest.mark.parametrize("what", ["headers", "body"])
def test_a_server_that_trickles_is_unreachable_after_the_total_timeout(server: str, what: str) -> None:
    source = a_source(total_timeout_s=0.5)
    began = time.monotonic()

    with pytest.raises(UnreachableError, match="timeout"):
        source.fetch(f"{server}/drip/{what}")
    source.close()

    assert 0.4 < time.monotonic() - began < 2.0


def test_a_closed_port_is_unreachable(source: AudioSource) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(UnreachableError):
        source.fetch(f"http://127.0.0.1:{port}/")


def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    with pytest.raises(UnreachableError, match=r"no-such-host\.invalid"):
        resolved("no-such-host.invalid", 80)


def test_messages_do_not_show_secrets(server: str, source: AudioSource) -> None:
    uri = server.replace("://", "://me:hunter2@") + "/status/404?signature=hunter3"

    with pytest.raises(NotFoundError) as caught:
        source.fetch(uri)

    assert "hunter" not in str(caught.value)
    assert "signature" in str(caught.value)


def test_many_threads_download_at_once(server: str, source: AudioSource) -> None:
    with ThreadPoolExecutor(20) as threads:
        sizes = list(threads.map(lambda _: size(source, f"{server}/audio"), range(60)))

    assert sizes == [len(AUDIO)] * 60


def size(source: AudioSource, uri: str) -> int:
    with source.fetch(uri) as fetched:
        return fetched.n_bytes
