import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from schemas.errors import (
    AccessDeniedError,
    EmptyAudioError,
    NotFoundError,
    TooLargeError,
    TrackError,
    UnreachableError,
    UriRefusedError,
)
from shared.settings.media import MediaSettings
from workers.extractor.sources.audio_source import AudioSource
from workers.extractor.sources.s3_source import _answer_error

AUDIO = b"not really music" * 50_000


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client: Any = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    client.create_bucket(Bucket="music")
    client.put_object(Bucket="music", Key="an album/a song?#%20.mp3", Body=AUDIO)
    client.put_object(Bucket="music", Key="empty.mp3", Body=b"")
    client.close()
    yield url
    server.stop()


def a_source(endpoint: str, **settings: Any) -> AudioSource:
    return AudioSource(MediaSettings(s3_endpoint_url=endpoint, connect_timeout_s=1.0, read_timeout_s=5.0, **settings))


def error_of(source: AudioSource, uri: str, kind: type[TrackError]) -> str:
    with pytest.raises(kind) as caught:
        source.fetch(uri)
    source.close()
    return str(caught.value)


def test_an_object_is_downloaded_and_hashed(endpoint: str) -> None:
    source = a_source(endpoint)

    with source.fetch("s3://music/an album/a song?#%20.mp3") as fetched:
        assert fetched.n_bytes == len(AUDIO)
        assert fetched.content_hash == hashlib.sha256(AUDIO).hexdigest()
        assert fetched.file.read() == AUDIO
    source.close()


@pytest.mark.parametrize("uri", ["s3://music/none.mp3", "s3://no-such-bucket/a.mp3"])
def test_a_missing_key_or_bucket_is_not_found(endpoint: str, uri: str) -> None:
    assert "NoSuch" in error_of(a_source(endpoint), uri, NotFoundError)


def test_an_object_that_is_too_large_is_refused(endpoint: str) -> None:
    source = a_source(endpoint, max_bytes=1_000)

    assert "NEEDLEDROP_MEDIA_MAX_BYTES" in error_of(source, "s3://music/an album/a song?#%20.mp3", TooLargeError)


def test_an_empty_object_is_empty_audio(endpoint: str) -> None:
    error_of(a_source(endpoint), "s3://music/empty.mp3", EmptyAudioError)


def test_missing_credentials_are_named(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    assert "AWS_ACCESS_KEY_ID" in error_of(a_source(endpoint), "s3://music/empty.mp3", UriRefusedError)


def test_an_endpoint_that_is_not_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    error_of(a_source(f"http://127.0.0.1:{port}"), "s3://music/empty.mp3", UnreachableError)


def test_a_slow_download_is_unreachable_after_the_total_timeout(endpoint: str) -> None:
    source = a_source(endpoint, total_timeout_s=1e-6)

    message = error_of(source, "s3://music/an album/a song?#%20.mp3", UnreachableError)
    assert "NEEDLEDROP_MEDIA_TOTAL_TIMEOUT_S" in message


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("AccessDenied", 403, AccessDeniedError),
        ("InvalidAccessKeyId", 403, AccessDeniedError),
        ("ExpiredToken", 400, AccessDeniedError),
        ("SlowDown", 503, UnreachableError),
        ("InternalError", 500, UnreachableError),
        ("RequestTimeout", 400, UnreachableError),
        ("NoSuchKey", 404, NotFoundError),
        ("InvalidObjectState", 403, AccessDeniedError),
        ("InvalidRequest", 400, NotFoundError),
    ],
)
def test_an_answer_becomes_an_error_that_says_it(code: str, status: int, error: type[TrackError]) -> None:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}

    found = _answer_error(answer, "s3://music/a.mp3")

    assert type(found) is error
    assert code in str(found)
