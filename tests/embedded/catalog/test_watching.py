"""What the page looks at: the map, areas of it, and labels as they come."""

import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from tests.catalog_events import deleted, labeled
from tests.embedded.catalog.conftest import Served

Serve = Callable[..., Served]
LOWER_LEFT = "0,0;0.5,0;0.5,0.5;0,0.5"


def track(track_id: str, n: int, genre: str | None, energy: float | None, valence: float | None) -> Any:
    genres = [{"genre": genre, "probability": 0.9}] if genre else []
    return labeled(track_id, n, genres=genres, features={"energy": energy, "valence": valence})


def four_tracks() -> list[Any]:
    return [
        track("calm", 1, "jazz", 0.25, 0.125),
        track("wild", 2, "rock", 1.0, 0.75),
        track("nameless", 3, None, 0.0, 0.5),
        track("unheard", 4, "jazz", 0.5, None),
    ]


def read_map(content: bytes) -> list[tuple[float, float, str | None]]:
    """The points of a map, read as the documentation says."""
    (size,) = struct.unpack_from("<I", content)
    header = json.loads(content[4 : 4 + size])
    n, start = header["n"], 4 + size
    across, up = (np.frombuffer(content, "<u2", n, start + 2 * n * index) / 65535 for index in range(2))
    genres = np.frombuffer(content, "u1", n, start + 4 * n)
    assert len(content) == start + 5 * n
    names = [None if genre == 255 else header["genres"][genre] for genre in genres]
    return sorted(zip(across.round(3).tolist(), up.round(3).tolist(), names, strict=True))


def test_the_map_has_every_track_whose_energy_and_valence_are_known(served: Serve) -> None:
    catalog = served(*four_tracks())

    everything = catalog.client.get("/api/map")
    assert everything.headers["content-type"] == "application/octet-stream"
    assert read_map(everything.content) == [(0.0, 0.5, None), (0.25, 0.125, "jazz"), (1.0, 0.75, "rock")]
    assert read_map(catalog.client.get("/api/map?genre=rock").content) == [(1.0, 0.75, "rock")]
    assert read_map(catalog.client.get("/api/map?genre=polka").content) == []


def test_an_area_of_the_map_selects(served: Serve) -> None:
    catalog = served(*four_tracks())

    assert catalog.ids("/api/tracks", area=LOWER_LEFT) == ["calm"]
    assert catalog.ids("/api/tracks", area="0,0.6;1,0.6;1,1;0,1", genre="rock") == ["wild"]
    assert catalog.ids("/api/tracks", area="0,0.6;1,0.6;1,1;0,1", genre="jazz") == []


@pytest.mark.parametrize("area", ["", "0,0;1,1", "0,0;1,1;2,2", "a,b;c,d;e,f", "0,0;1,1;1,0;", ";".join(["0,0"] * 49)])
def test_what_is_no_area_is_refused(served: Serve, area: str) -> None:
    status, message = served().refused("/api/tracks", area=area)
    assert (status, message[:4]) == (400, "area")


@pytest.fixture
def events() -> Iterator[Callable[[Served], Iterator[Any]]]:
    """The events of a stream, which is closed at the end of the test."""
    with httpx.Client(timeout=10, trust_env=False) as client:

        def read(catalog: Served) -> Iterator[Any]:
            with client.stream("GET", f"{catalog.address}/api/arrivals") as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
                for line in answer.iter_lines():
                    if line.startswith("data: "):
                        yield json.loads(line.removeprefix("data: "))

        yield read


def test_labels_are_told_as_they_come(served: Serve, events: Callable[[Served], Iterator[Any]]) -> None:
    catalog = served(*four_tracks())
    stream = events(catalog)

    assert next(stream) == {"total": 4, "labeled": 0, "items": []}
    catalog.fill(deleted("wild", 5), track("new", 6, "folk", 0.5, 0.5), track("newer", 7, "folk", 0.5, 0.5))
    event = next(stream)
    assert (event["total"], event["labeled"]) == (5, 2)
    assert [(item["id"], item["genre"]) for item in event["items"]] == [("newer", "folk"), ("new", "folk")]

    catalog.fill(*(track(f"more-{n}", n, "folk", 0.5, 0.5) for n in range(100, 150)))
    event = next(stream)
    assert (event["total"], event["labeled"], len(event["items"])) == (55, 50, 20)

    catalog.fill(deleted("newer", 200))
    assert next(stream) == {"total": 54, "labeled": 0, "items": []}


def test_a_watcher_does_not_keep_the_server_from_ending(served: Serve) -> None:
    catalog = served(*four_tracks())
    ended = threading.Event()

    def watch() -> None:
        with httpx.stream("GET", f"{catalog.address}/api/arrivals", timeout=30, trust_env=False) as answer:
            for _ in answer.iter_lines():
                watching.set()
        ended.set()

    watching = threading.Event()
    threading.Thread(target=watch, daemon=True).start()
    assert watching.wait(10)
    began = time.monotonic()
    catalog.stop()
    assert time.monotonic() - began < 3
    assert ended.wait(5)


def test_watchers_beyond_the_limit_are_told_to_come_back(served: Serve) -> None:
    catalog = served()
    with httpx.Client(timeout=10, trust_env=False, limits=httpx.Limits(max_connections=100)) as client:
        streams = [
            client.send(client.build_request("GET", f"{catalog.address}/api/arrivals"), stream=True) for _ in range(64)
        ]
        assert {stream.status_code for stream in streams} == {200}
        assert catalog.refused("/api/arrivals")[0] == 503
        for stream in streams:
            stream.close()
    # The server sees within a look that they are gone.
    for _ in range(50):
        with catalog.client.stream("GET", "/api/arrivals") as answer:
            if answer.status_code == 200:
                break
        time.sleep(0.1)
    assert answer.status_code == 200


def test_pages_are_served_as_they_are_and_load_nothing_from_elsewhere(served: Serve) -> None:
    catalog = served()

    page = catalog.client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "'unsafe-" not in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("https://needledrop", "")
    script = catalog.client.get("/page/main.js")
    assert script.headers["content-type"].startswith("text/javascript")
    again = catalog.client.get("/page/main.js", headers={"if-none-match": script.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for path in ("/page/../app.py", "/page/..%2fapp.py", "/page/nothing.js", "/page/"):
        assert catalog.client.get(path).status_code == 404
