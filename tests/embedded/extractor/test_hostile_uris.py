"""URIs that want what they should not have: each is refused with its reason, and opens neither socket nor file."""

import socket
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import TrackError
from shared.settings.media import MediaSettings
from tests.embedded.extractor.watching import CountingServer, counting_server, heard, opened
from workers.extractor.sources.audio_source import AudioSource
from workers.extractor.sources.doors import address_fault

SECRET = "root:x:0:0:a secret that is nobody's music"
PRIVATE = "NEEDLEDROP_MEDIA_ALLOW_PRIVATE_ADDRESSES"
ROOTS = "NEEDLEDROP_MEDIA_ROOTS"
SCHEMES = "NEEDLEDROP_MEDIA_SCHEMES"
HOSTS = "NEEDLEDROP_MEDIA_HOSTS"

# The names that exist in these tests, each with what it resolves to, from one call to the next.
NAMES: dict[str, list[list[str]]] = {
    "localhost": [["127.0.0.1"]],
    "internal.example": [["10.0.0.7"]],
    "metadata.example": [["169.254.169.254"]],
    "mixed.example": [["93.184.216.34", "127.0.0.1"]],
    "six.example": [["::1"]],
    "mapped.example": [["::ffff:127.0.0.1"]],
    "public.example": [["127.0.0.2"]],  # in the second table, where 127.0.0.2 counts as public
    "rebinding.example": [["127.0.0.2"], ["127.0.0.1"]],
}

# URI ({port} is the counting server's, {root} the media root, {outside} a folder beside it), and what the refusal says.
URIS = [
    # Addresses of this machine and its neighbours, however they are written.
    ("http://127.0.0.1:{port}/a.mp3", PRIVATE),
    ("http://127.1.2.3:{port}/a.mp3", PRIVATE),
    ("http://localhost:{port}/a.mp3", PRIVATE),
    ("http://LOCALHOST:{port}/a.mp3", PRIVATE),
    ("http://localhost.:{port}/a.mp3", PRIVATE),
    ("http://%6cocalhost:{port}/a.mp3", "no valid host"),
    ("http://2130706433:{port}/a.mp3", "four decimal numbers"),
    ("http://0x7f000001:{port}/a.mp3", "four decimal numbers"),
    ("http://0x7f.0.0.1:{port}/a.mp3", "four decimal numbers"),
    ("http://017700000001:{port}/a.mp3", "four decimal numbers"),
    ("http://0177.0.0.1:{port}/a.mp3", PRIVATE + "|four decimal"),
    ("http://127.1:{port}/a.mp3", "four decimal numbers"),
    ("http://127.0.0.1.:{port}/a.mp3", PRIVATE),
    ("http://\uff11\uff12\uff17.0.0.1:{port}/a.mp3", PRIVATE),
    ("http://127\u30020\u30020\u30021:{port}/a.mp3", PRIVATE),
    ("http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3:{port}/a.mp3", PRIVATE),
    ("http://0.0.0.0:{port}/a.mp3", "unspecified"),
    ("http://[::1]:{port}/a.mp3", PRIVATE),
    ("http://[::]:{port}/a.mp3", "unspecified"),
    ("http://[::ffff:127.0.0.1]:{port}/a.mp3", PRIVATE),
    ("http://[::ffff:7f00:1]:{port}/a.mp3", PRIVATE),
    ("http://[::127.0.0.1]:{port}/a.mp3", PRIVATE),
    ("http://[64:ff9b::7f00:1]:{port}/a.mp3", PRIVATE),
    ("http://[fe80::1%25lo]:{port}/a.mp3", "no valid host"),
    ("http://169.254.169.254/latest/meta-data/", "metadata"),
    ("http://[fd00:ec2::254]/latest/meta-data/", "metadata"),
    ("http://100.100.100.200/latest/meta-data/", "metadata"),
    ("http://10.0.0.1:{port}/a.mp3", PRIVATE),
    # Names that lead there.
    ("http://internal.example:{port}/a.mp3", PRIVATE),
    ("http://metadata.example/latest/", "link-local"),
    ("http://mixed.example:{port}/a.mp3", PRIVATE),
    ("http://six.example:{port}/a.mp3", PRIVATE),
    ("http://mapped.example:{port}/a.mp3", PRIVATE),
    # Texts that parsers read differently.
    ("http://good.example@127.0.0.1:{port}/a.mp3", PRIVATE),
    ("http://good.example:80@127.0.0.1:{port}/a.mp3", PRIVATE),
    ("http://a@b@127.0.0.1:{port}/a.mp3", "%40"),
    ("http://127.0.0.1:{port}\\@good.example/a.mp3", "backslash"),
    ("http://good.example\\.127.0.0.1:{port}/", "backslash"),
    ("http://127.0.0.1:{port}\t/a.mp3", "control character"),
    ("http://good.example/\r\nHost: 127.0.0.1:{port}", "control character"),
    ("http://good.example\u2100/a.mp3", "NFKC|valid host"),
    ("http://xn--a:{port}/a.mp3", None),
    ("http://good.example:0/a.mp3", "port"),
    ("http://good.example:99999/a.mp3", "port"),
    ("http:///127.0.0.1:{port}/a.mp3", "no valid host"),
    ("http:127.0.0.1:{port}/a.mp3", "no valid host"),
    ("//127.0.0.1:{port}/a.mp3", "no scheme"),
    (" http://127.0.0.1:{port}/a.mp3", "space"),
    # Other schemes, and FFmpeg's.
    ("ftp://127.0.0.1:{port}/a.mp3", SCHEMES),
    ("gopher://127.0.0.1:{port}/_GET", SCHEMES),
    ("rtmp://127.0.0.1:{port}/live", SCHEMES),
    ("rtsp://127.0.0.1:{port}/a", SCHEMES),
    ("tcp://127.0.0.1:{port}", SCHEMES),
    ("data:audio/wav;base64,UklGRg==", SCHEMES),
    ("concat:{outside}/secret.txt|http://127.0.0.1:{port}/a", SCHEMES),
    ("subfile,,start,0,end,99,,:{outside}/secret.txt", "no scheme"),
    ("crypto+http://127.0.0.1:{port}/a", SCHEMES),
    ("cache:http://127.0.0.1:{port}/a", SCHEMES),
    ("async:file:{outside}/secret.txt", SCHEMES),
    ("pipe:0", SCHEMES),
    ("fd:0", SCHEMES),
    ("unix:/var/run/docker.sock", SCHEMES),
    ("jar:file://{outside}/secret.txt!/a", SCHEMES),
    ("view-source:http://127.0.0.1:{port}/", SCHEMES),
    # Files outside the root.
    ("{outside}/secret.txt", "no scheme"),
    ("file://{outside}/secret.txt", ROOTS),
    ("file://{root}/../outside/secret.txt", ROOTS),
    ("file://{root}/%2e%2e/outside/secret.txt", ROOTS),
    ("file://{root}/..%2foutside%2fsecret.txt", ROOTS),
    ("file://{root}/a/../../outside/secret.txt", ROOTS),
    ("file://{root}/link.mp3", ROOTS),
    ("file://{root}/folder/secret.txt", ROOTS),
    ("file://{root}/song.mp3%00.txt", "NUL"),
    ("file://{root}/song.mp3?x", "%3F"),
    ("file://{root}/song.mp3#x", "%23"),
    ("file://server.example{outside}/secret.txt", "no host"),
    ("file://127.0.0.1{outside}/secret.txt", "no host"),
    ("file://user@localhost{outside}/secret.txt", "no host"),
    ("file:secret.txt", "absolute"),
    ("file:///proc/self/environ", ROOTS),
    ("file:///etc/passwd", ROOTS),
    ("file:///dev/stdin", ROOTS),
    # Buckets.
    ("s3://../secret.txt", "s3://bucket/key"),
    ("s3://127.0.0.1:{port}/key", "s3://bucket/key"),
    ("s3://user:password@bucket/key", "s3://bucket/key"),
]

REDIRECTS = [
    ("file://{outside}/secret.txt", "outside the web"),
    ("s3://bucket/key", "outside the web"),
    ("ftp://127.0.0.1:{port}/secret", SCHEMES),
    ("gopher://127.0.0.1:{port}/secret", SCHEMES),
    ("http://127.0.0.1:{port}/secret", PRIVATE),
    ("http://localhost:{port}/secret", PRIVATE),
    ("http://[::ffff:127.0.0.1]:{port}/secret", PRIVATE),
    ("http://0x7f000001:{port}/secret", "four decimal"),
    ("http://169.254.169.254/latest/", "metadata"),
    ("//127.0.0.1:{port}/secret", PRIVATE),
    ("http://public.example@127.0.0.1:{port}/secret", PRIVATE),
    ("http://127.0.0.1:{port}\\@public.example/secret", "backslash"),
    ("http://rebinding.example:{port}/secret", PRIVATE),
    ("/again", "NEEDLEDROP_MEDIA_MAX_REDIRECTS"),
]


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / "a", outside):
        folder.mkdir(parents=True)
    (outside / "secret.txt").write_text(SECRET)
    (root / "song.mp3").write_bytes(b"whatever")
    (root / "link.mp3").symlink_to(outside / "secret.txt")
    (root / "folder").symlink_to(outside)
    return {"root": root, "outside": outside}


@pytest.fixture(autouse=True)
def n_asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often each name was resolved."""
    asked: dict[str, int] = {}

    def resolve(host: str, port: int, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        answers = NAMES.get(host, [[host]])
        addresses = answers[min(asked.get(host, 0), len(answers) - 1)]
        asked[host] = asked.get(host, 0) + 1
        if not all(map(_is_address, addresses)):
            raise socket.gaierror(f"{host} is not known here")
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, port)) for address in addresses]

    monkeypatch.setattr("workers.extractor.sources.checked_network.getaddrinfo", resolve)
    return asked


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@pytest.fixture
def server() -> Iterator[CountingServer]:
    with counting_server(_answer) as running:
        yield running


def _answer(_: str) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(SECRET) + SECRET.encode()


def test_the_table_has_forty_rows_and_more() -> None:
    assert len({uri for uri, _ in URIS}) > 80
    assert len({uri for uri, _ in REDIRECTS}) > 10


@pytest.mark.parametrize(("template", "said"), URIS, ids=[repr(uri) for uri, _ in URIS])
def test_a_hostile_uri_is_refused_with_its_reason_and_opens_nothing(
    template: str, said: str | None, places: dict[str, Path], server: CountingServer
) -> None:
    source = AudioSource(MediaSettings(roots=(places["root"],), total_timeout_s=30.0))
    uri = template.format(port=server.port, **places)

    with opened([places["outside"] / "secret.txt"]) as files, heard() as calls, pytest.raises(TrackError) as caught:
        source.fetch(uri)
    source.close()

    if said is None:  # nobody's name
        assert caught.value.reason in ("unreachable", "uri_refused")
    else:
        assert caught.value.reason == "uri_refused"
        assert any(part in str(caught.value) for part in said.split("|")), str(caught.value)
    assert SECRET not in str(caught.value)
    assert "user:password" not in str(caught.value)
    assert server.n_connections == 0
    assert files == []
    assert [call for call in calls if call[0] != "open"] == []
    assert [path for _, path in calls if "secret" in path or path.startswith(("/etc", "/proc", "/dev"))] == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address of the machine")
@pytest.mark.parametrize(("template", "said"), REDIRECTS, ids=[repr(uri) for uri, _ in REDIRECTS])
def test_a_redirect_to_a_hostile_uri_is_refused_with_its_reason_and_goes_nowhere(
    template: str,
    said: str,
    places: dict[str, Path],
    server: CountingServer,
    n_asked: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "workers.extractor.sources.checked_network.address_fault",
        lambda *asked: None if str(asked[0]) == "127.0.0.2" else address_fault(*asked),
    )
    source = AudioSource(MediaSettings(roots=(places["root"],), total_timeout_s=30.0, max_redirects=3))
    location = template.format(port=server.port, **places)
    redirect = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location.encode() + b"\r\n\r\n"
    server.answer = lambda path: _answer(path) if path == "/secret" else redirect
    n_asked["rebinding.example"] = 1  # whoever checked it by name before has seen a public address

    with opened([places["outside"] / "secret.txt"]) as files, heard() as calls, pytest.raises(TrackError) as caught:
        source.fetch(f"http://public.example:{server.port}/first")
    source.close()

    assert caught.value.reason == "uri_refused"
    assert said in str(caught.value)
    assert "/secret" not in server.paths
    assert files == []
    assert {address for event, address in calls if event != "open"} == {str(("127.0.0.2", server.port))}


def test_a_name_outside_the_listed_hosts_is_not_even_resolved(server: CountingServer, n_asked: dict[str, int]) -> None:
    source = AudioSource(MediaSettings.model_validate({"hosts": "*.example.org"}))

    for host in (
        "localhost",
        "example.org",
        "evil-example.org",
        "a.example.org.evil.example",
        "a.example.org@localhost",
    ):
        with pytest.raises(TrackError, match=HOSTS):
            source.fetch(f"http://{host}:{server.port}/")
    source.close()

    assert n_asked == {}


def test_the_watch_sees_what_is_opened_and_connected_to(places: dict[str, Path], server: CountingServer) -> None:
    """Or the tests above would prove nothing."""
    secret = places["outside"] / "secret.txt"

    with opened([secret]) as files, heard() as calls:
        secret.read_text()
        socket.create_connection(("127.0.0.1", server.port)).close()

    assert files == ([secret.name] if sys.platform == "linux" else [])
    assert [event for event, _ in calls] == ["open", "socket.connect"]
