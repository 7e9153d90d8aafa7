"""Hostile values in every parameter of every route, and clients that take their time: refused, nothing leaked."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.catalog_events import failed, labeled
from tests.embedded.catalog.conftest import Served
from workers.catalog.web import doors

Serve = Callable[..., Served]
Operation = tuple[str, str, list[dict[str, Any]]]

INJECTIONS = (
    "'; DROP TABLE labels; --",
    '" OR 1=1 --',
    "1) UNION SELECT label FROM labels --",
    "$(touch pwned)",
    "`touch pwned`",
    "{{7*7}}${7*7}",
    "../../../../etc/passwd",
    "<script>alert(1)</script>",
    "a\r\nset-cookie: stolen=1",
    "a\x00b",
    "%s%n%x",
    "\ud7ff\u202e\U0001f600",
    "__class__",
    "(a+)+$" * 20,
    "9" * 400,
)
# What every operation needs to be a good request but for one parameter.
GOOD = {
    "id": "a",
    "name": "calm",
    "track_id": "a",
    "ids": "a",
    "q": "a",
    "type": "track",
    "format": "json",
    "seed_genre": "jazz",
    "seed_genres": "jazz",
}
TEXTS = ("id", "text", "saved", "track", "sort", "cursor", "area", "seed_artist", "ids", "q", "format")
STATUSES = {200, 204, 400, 404, 405}


def operations(catalog: Served) -> Iterator[Operation]:
    for path, methods in catalog.get("/openapi.json")["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation.get("parameters", [])


def asked(catalog: Served, operation: Operation, name: str, value: Any) -> Any:
    """The answer to a good request with another value in one parameter."""
    method, path, parameters = operation
    query: dict[str, Any] = {}
    for one in parameters:
        chosen = value if one["name"] == name else GOOD.get(one["name"])
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", quote(str(chosen), safe=""))
        elif one["name"] == name or one.get("required") or (one["name"].startswith("seed_genre")):
            query[one["name"]] = chosen
    return catalog.client.request(method, path, params=query, json={} if method == "PUT" else None)


@pytest.fixture
def catalog(served: Serve, tmp_path: Path) -> Served:
    running = served(labeled("a", 1), labeled("b", 2, submission_artist="B"), failed("c", 3), roots=(tmp_path,))
    assert running.client.put("/api/selections/calm", json={"max_energy": 0.9}).status_code == 200
    return running


def test_injection_in_every_parameter_does_nothing_and_tells_nothing(catalog: Served, tmp_path: Path) -> None:
    before = {file.name for file in tmp_path.iterdir()}
    n, values = 0, cycle(INJECTIONS)
    for operation in operations(catalog):
        for parameter in operation[2]:
            # Over all routes each text meets all of them; of numbers there are hundreds, each meets one.
            is_text = parameter["name"] in TEXTS or parameter["in"] == "path"
            for value in islice(values, 3 if is_text else 1):
                answer = asked(catalog, operation, parameter["name"], value)
                n += 1
                assert answer.status_code in STATUSES, (operation[:2], parameter["name"], value, answer.text)
                assert "set-cookie" not in answer.headers
                assert not any(leak in answer.text for leak in ("Traceback", "duckdb", "root:", str(tmp_path)))
                if answer.status_code >= 400:
                    assert len(answer.json()["error"]["message"]) <= 200
                    assert answer.headers["content-type"] == "application/json"

    assert n > 300
    assert {file.name for file in tmp_path.iterdir()} == before
    assert catalog.ids("/api/tracks", sort="labeled_at") == ["a", "b"]
    # What is a name, like `__class__`, could be saved under; nothing else was changed.
    assert catalog.get("/api/selections/calm")["query"] == {"max_energy": 0.9}


def test_huge_limits_are_refused_wherever_there_is_one(catalog: Served) -> None:
    n = 0
    for operation in operations(catalog):
        for parameter in operation[2]:
            if parameter["name"] in ("limit", "offset"):
                for value in (10**9, 10**30, -1, "1e99"):
                    n += 1
                    assert asked(catalog, operation, parameter["name"], value).status_code == 400, operation[:2]
    assert n >= 20


def test_ten_thousand_ids_are_refused(catalog: Served) -> None:
    ids = [f"id{n}" for n in range(10_000)]
    for n in (10_000, 1000):
        listed, repeated = ",".join(ids[:n]), [f"={one}" for one in ids[:n]]
        for question in (
            f"/v1/audio-features?ids={listed}",
            f"/v1/tracks?ids={listed}",
            f"/v1/recommendations?seed_tracks={listed}",
            f"/api/tracks?track{'&track'.join(repeated)}",
            f"/api/recommend?seed_track{'&seed_track'.join(repeated)}",
        ):
            assert raw(catalog, question)[:12] in (b"HTTP/1.1 400", b"" if n > 1000 else b"HTTP/1.1 400"), question[:40]
        assert catalog.client.put("/api/selections/many", json={"track": ids[:n]}).status_code in (400, 413)
    assert catalog.ids("/api/tracks", sort="labeled_at") == ["a", "b"]


def test_without_a_token_nothing_is_saved_or_deleted(served: Serve) -> None:
    catalog = served(callers=frozenset({sha256(b"right").hexdigest()}))
    right = {"authorization": "Bearer right"}
    assert catalog.client.put("/api/selections/calm", json={}, headers=right).status_code == 200

    for wrong in ({}, {"authorization": "Bearer wrong"}):
        assert catalog.client.put("/api/selections/mine", json={}, headers=wrong).status_code == 401
        assert catalog.client.delete("/api/selections/calm", headers=wrong).status_code == 401
        assert catalog.client.get("/api/selections", headers=wrong).status_code == 401
        assert catalog.client.get("/api/arrivals", headers=wrong).status_code == 401
        assert catalog.client.get("/api/map", headers=wrong).status_code == 401
    found = catalog.client.get("/api/selections", headers=right).json()
    assert [one["name"] for one in found["items"]] == ["calm"]


def connection(catalog: Served) -> socket.socket:
    host, _, port = catalog.address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def raw(catalog: Served, target: str) -> bytes:
    """The whole answer to a GET, which no client has tidied up before."""
    answer = b""
    # Whoever sends too much may be hung up on before the answer is read.
    with connection(catalog) as client, suppress(ConnectionError):
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        while some := client.recv(65_536):
            answer += some
    return answer


@pytest.mark.parametrize(
    "path",
    [
        "/page/../../../../etc/passwd",
        "/page/..%2f..%2fapp.py",
        "/page/%2e%2e/%2e%2e/app.py",
        "/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/page/%00",
    ],
)
def test_paths_that_climb_find_nothing(catalog: Served, path: str) -> None:
    answer = raw(catalog, path)

    assert answer.startswith(b"HTTP/1.1 404")
    assert b"root:" not in answer
    assert b"import" not in answer


def test_a_client_that_sends_its_body_drop_by_drop_is_refused(catalog: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_BODY_WITHIN_S", 0.3)
    with connection(catalog) as slow:
        slow.sendall(
            b"PUT /api/selections/slow HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b'Content-Length: 1000\r\n\r\n{"min_en'
        )
        began = time.monotonic()
        answer = b"".join(iter(lambda: slow.recv(65_536), b""))  # ends when it is hung up
        assert time.monotonic() - began < 15
    assert answer.startswith(b"HTTP/1.1 400")
    assert [one["name"] for one in catalog.get("/api/selections")["items"]] == ["calm"]


def test_a_client_that_reads_nothing_is_hung_up_on(
    served: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "_READ_WITHIN_S", 0.3)
    file = tmp_path / "long.wav"
    with file.open("wb") as audio:
        audio.truncate(64 * 1024 * 1024)
    catalog = served(labeled("a", 1, submission_uri=file.as_uri()), roots=(tmp_path,))

    with connection(catalog) as idle:
        idle.sendall(b"GET /api/audio?id=a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        time.sleep(1.0)
        assert catalog.ids("/api/tracks") == ["a"]  # others are served meanwhile
        idle.settimeout(10)
        n_bytes = 0
        while some := idle.recv(1 << 20):
            n_bytes += len(some)
    assert 0 < n_bytes < 64 * 1024 * 1024
