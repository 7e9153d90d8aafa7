"""Hostile use: refused with the right status, nothing leaked, still serving."""

import os
import socket
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.catalog_events import labeled
from tests.embedded.catalog.conftest import Served
from workers.catalog.web import patience
from workers.catalog.web.doors import Buckets

Serve = Callable[..., Served]

TOKEN = "f3b8a2c49d7e4b61"


NONSENSE: list[tuple[str, dict[str, Any]]] = [
    ("/api/tracks", {"limit": 10**9}),
    ("/api/tracks", {"limit": -1}),
    ("/api/tracks", {"min_tempo": "nan"}),
    ("/api/tracks", {"min_tempo": "inf"}),
    ("/api/tracks", {"min_tempo": "1; DROP TABLE labels"}),
    ("/api/tracks", {"sort": "position; DELETE FROM labels"}),
    ("/api/tracks", {"sort": "__class__"}),
    ("/api/tracks", {"cursor": "AAAA"}),
    ("/api/tracks", {"cursor": "WzEsMiwzXQ=="}),
    ("/api/tracks", {"genre": ["x"] * 21}),
    ("/api/tracks", {"text": "x" * 201}),
    ("/api/tracks", {"no_such_parameter": "1"}),
    ("/api/track", {"id": "x" * 257}),
    ("/api/track", {}),
    ("/api/similar", {"id": "a", "limit": 10_000}),
    ("/api/export", {"format": "exe"}),
    ("/api/export", {"format": "../../etc/passwd"}),
]


def test_what_makes_no_sense_is_refused_by_name(served: Serve) -> None:
    catalog = served(labeled("a", 1))

    for path, parameters in NONSENSE:
        status, message = catalog.refused(path, **parameters)
        assert status == 400, (path, parameters)
        assert any(name in message for name in (*parameters, "id")), message
        assert len(message) <= 200
    assert catalog.ids("/api/tracks") == ["a"]


def test_a_very_long_address_is_refused(served: Serve) -> None:
    catalog = served()

    host, _, port = catalog.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(b"GET /api/tracks?" + b"genre=x&" * 50_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert client.recv(12)[9:12] in (b"400", b"414", b"431")
    assert catalog.ids("/api/tracks") == []


def test_without_a_known_token_nothing_is_told(served: Serve) -> None:
    catalog = served(labeled("a", 1), callers=frozenset({sha256(TOKEN.encode()).hexdigest()}))

    def status(authorization: str | None) -> int:
        headers = {"authorization": authorization} if authorization is not None else {}
        return catalog.client.get("/api/tracks", headers=headers).status_code

    guesses = (None, "", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer " + "x" * 5000)
    assert [status(guess) for guess in guesses] == [401] * len(guesses)
    assert "a" not in catalog.client.get("/api/tracks").json()
    assert status(f"Bearer {TOKEN}") == 200
    assert catalog.client.get("/openapi.json").json()["security"] == [{"token": []}]


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    now = [0.0]
    buckets = Buckets(rate_per_s=2, clock=lambda: now[0])

    assert [buckets.wait_s("a") for _ in range(8)] == [0.0] * 8
    assert buckets.wait_s("a") == 0.5
    assert buckets.wait_s("b") == 0.0
    now[0] += 0.5
    assert buckets.wait_s("a") == 0.0
    assert buckets.wait_s("a") > 0


def test_a_guesser_of_tokens_is_slowed_down(served: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = served(callers=frozenset({"0" * 64}))
    monkeypatch.setattr(Buckets, "wait_s", lambda _self, client: 3.2 if client == "127.0.0.1" else 0.0)

    answer = catalog.client.get("/api/tracks", headers={"authorization": "Bearer guess"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "4")


def test_another_name_in_the_host_header_is_refused(served: Serve) -> None:
    catalog = served()

    assert catalog.client.get("/api/tracks", headers={"host": "evil.example"}).status_code == 400
    assert catalog.client.get("/api/tracks", headers={"host": "localhost:9420"}).status_code == 200


def test_only_listed_origins_may_read_answers(served: Serve) -> None:
    catalog = served(origins=frozenset({"https://good.example"}))

    def allowed(origin: str) -> str | None:
        answer = catalog.client.get("/api/tracks", headers={"origin": origin})
        found: str | None = answer.headers.get("access-control-allow-origin")
        return found

    assert allowed("https://good.example") == "https://good.example"
    assert allowed("https://evil.example") is None


def test_large_bodies_are_refused(served: Serve) -> None:
    catalog = served()

    assert catalog.client.post("/api/tracks", content=b"x" * 100_000).status_code == 413
    # Without a length: it may not exceed the limit on the way either.
    endless = (b"x" * 10_000 for _ in range(20))
    assert catalog.client.post("/api/tracks", content=endless).status_code in (400, 405, 413)
    assert catalog.ids("/api/tracks") == []


def test_a_client_that_sends_its_headers_drop_by_drop_is_hung_up_on(
    served: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "HEADERS_WITHIN_S", 0.3)
    catalog = served()
    host, _, port = catalog.address.removeprefix("http://").partition(":")

    for beginning in (b"", b"GET /api/tracks HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /api/tra"):
        with socket.create_connection((host, int(port)), timeout=20) as slow:
            slow.sendall(beginning)
            answer = b"".join(iter(lambda: slow.recv(65_536), b""))  # ends when it is hung up
            assert answer == b"" if not beginning else answer.startswith(b"HTTP/1.1 200")


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    (folder / "a.ogg").write_bytes(bytes(range(256)) * 40)
    (folder / "notes.txt").write_text("not for everybody")
    (tmp_path / "secret.ogg").write_bytes(b"secret")
    (folder / "link.ogg").symlink_to(tmp_path / "secret.ogg")
    os.mkfifo(folder / "pipe.ogg")
    return folder


def test_a_preview_is_served_with_ranges(served: Serve, music: Path) -> None:
    catalog = served(labeled("a", 1, submission_uri=(music / "a.ogg").as_uri()), roots=(music,))

    whole = catalog.client.get("/api/audio", params={"id": "a"})
    assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/ogg")
    assert len(whole.content) == 10_240
    part = catalog.client.get("/api/audio", params={"id": "a"}, headers={"range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, bytes([5, 6, 7, 8, 9]))
    assert part.headers["content-range"] == "bytes 5-9/10240"
    assert catalog.client.get("/api/audio", params={"id": "a"}, headers={"range": "bytes=99999-"}).status_code == 416


OUTSIDE = [
    "{music}/../secret.ogg",
    "{music}/%2e%2e/secret.ogg",
    "{music}/link.ogg",
    "{music}/pipe.ogg",
    "{music}/notes.txt",
    "{music}/missing.ogg",
    "{music}/a.ogg%00.txt",
    "{music}",
    "file://elsewhere{path}/a.ogg",
    "file:///etc/passwd",
    "file:///proc/self/environ",
    "https://example.org/a.ogg",
    "not a uri",
]


def test_a_preview_never_leaves_the_media_roots(served: Serve, music: Path) -> None:
    catalog = served(roots=(music,))

    for n, template in enumerate(OUTSIDE, start=1):
        uri = template.format(music=music.as_uri(), path=music)
        catalog.fill(labeled("a", n, submission_uri=uri))
        status, message = catalog.refused("/api/audio", id="a")
        assert status == 404, uri
        assert str(music) not in message
