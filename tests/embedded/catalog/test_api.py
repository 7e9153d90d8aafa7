"""Our API over HTTP."""

import csv
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.catalog_events import deleted, failed, labeled
from tests.embedded.catalog.conftest import Served

Serve = Callable[..., Served]


def genres(**probabilities: float) -> list[dict[str, Any]]:
    return [{"genre": genre, "probability": value} for genre, value in probabilities.items()]


def five_tracks() -> list[Any]:
    return [
        labeled("jazz/a", 1, genres=genres(jazz=0.9), features={"tempo": 90.0, "energy": 0.2, "duration_ms": 61_000}),
        labeled(
            "jazz/b", 2, genres=genres(jazz=0.8), features={"tempo": 95.0, "energy": 0.25}, submission_title="Blue"
        ),
        labeled("rock/c", 3, genres=genres(rock=0.9), features={"tempo": 140.0, "energy": 0.9}, unsure=True),
        labeled("rock/d", 4, genres=genres(rock=0.7, jazz=0.2), features={"tempo": 141.0}, submission_artist="D"),
        labeled("none/e", 5, genres=[], features={}, tags={}),
    ]


def test_a_selection_is_a_page_with_a_total_and_facets(served: Serve) -> None:
    catalog = served(*five_tracks())

    answer = catalog.get("/api/tracks", genre="rock", facets=True)
    assert answer["total"] == 2
    assert answer["next"] is None
    assert [item["id"] for item in answer["items"]] == ["rock/d", "rock/c"]
    assert answer["facets"]["genres"] == {"rock": 2}
    assert sum(answer["facets"]["histograms"]["energy"]["counts"]) == 1
    item = answer["items"][1]
    assert (item["genre"], item["confidence"], item["unsure"], item["tags"]) == ("rock", 0.9, True, ["mellow"])
    assert item["features"]["tempo"] == 140.0
    assert item["features"]["key"] is None


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"min_tempo": 90, "max_tempo": 100}, ["jazz/b", "jazz/a"]),
        ({"genre": ["jazz", "rock"], "unsure": False, "sort": "tempo"}, ["jazz/a", "jazz/b", "rock/d"]),
        ({"sort": "-tempo", "limit": 3}, ["rock/d", "rock/c", "jazz/b"]),
        ({"text": "blue"}, ["jazz/b"]),
        ({"not_tag": "mellow"}, ["none/e"]),
        ({"min_confidence": 0.85, "sort": "confidence"}, ["jazz/a", "rock/c"]),
        ({"genre": "'; DROP TABLE labels; --"}, []),
    ],
)
def test_parameters_select_and_sort(served: Serve, parameters: dict[str, Any], expected: list[str]) -> None:
    found = served(*five_tracks()).ids("/api/tracks", **parameters)
    assert sorted(found) == sorted(expected)
    assert found == expected or parameters.get("sort") == "confidence"


def test_a_cursor_leads_through_all_pages_while_labels_arrive(served: Serve) -> None:
    catalog = served(*five_tracks())

    first = catalog.get("/api/tracks", sort="labeled_at", limit=2)
    catalog.fill(labeled("new", 6), deleted("jazz/a", 7))
    second = catalog.get("/api/tracks", sort="labeled_at", limit=2, cursor=first["next"])
    third = catalog.get("/api/tracks", sort="labeled_at", limit=2, cursor=second["next"])

    pages = [[item["id"] for item in page["items"]] for page in (first, second, third)]
    assert pages == [["jazz/a", "jazz/b"], ["rock/c", "rock/d"], ["none/e", "new"]]
    assert third["next"] is None
    status, message = catalog.refused("/api/tracks", sort="tempo", cursor=first["next"])
    assert (status, message[:6]) == (400, "cursor")


def test_a_track_is_its_label_and_a_failed_one_its_reason(served: Serve) -> None:
    catalog = served(labeled("a", 1), failed("a", 2), failed("b", 3, "undecodable_audio"))

    both = catalog.get("/api/track", id="a")
    assert both["status"] == "labeled"
    assert both["label"]["submission"]["submission_id"] == "submission-1"
    assert both["failure"]["reason"] == "not_found"
    only_failed = catalog.get("/api/track", id="b")
    assert (only_failed["status"], only_failed["label"]) == ("failed", None)
    assert only_failed["failure"]["reason"] == "undecodable_audio"
    assert catalog.refused("/api/track", id="c") == (404, "no such track: c")
    status, message = catalog.refused("/api/similar", id="b")
    assert status == 404
    assert "undecodable_audio" in message


def test_similar_tracks_come_with_reasons_and_without_the_track_itself(served: Serve) -> None:
    answer = served(*five_tracks()).get("/api/similar", id="jazz/a", limit=2)

    assert answer["items"][0]["id"] == "jazz/b"
    assert answer["items"][0]["reasons"] == ["same genre, jazz", "both mellow", "5 BPM apart", "as calm"]
    assert 0.8 < answer["items"][0]["similarity"] <= 1
    assert "jazz/a" not in [item["id"] for item in answer["items"]]


def test_recommendations_take_seeds_targets_and_filters(served: Serve) -> None:
    catalog = served(*five_tracks())

    assert catalog.ids("/api/recommend", seed_genre="rock", limit=2) == ["rock/c", "rock/d"]
    assert catalog.ids("/api/recommend", target_tempo=95, target_energy=0.25, limit=1) == ["jazz/b"]
    assert catalog.ids("/api/recommend", seed_track="jazz/a", max_tempo=100) == ["jazz/b"]
    assert set(catalog.ids("/api/recommend", seed_artist="d", genre="rock", limit=2)) == {"rock/c", "rock/d"}
    assert catalog.refused("/api/recommend")[0] == 400
    assert catalog.refused("/api/recommend", seed_genre=["a", "b", "c"], seed_track=["d", "e", "f"])[0] == 400
    assert catalog.refused("/api/recommend", seed_track="unknown")[0] == 404


def test_a_selection_is_exported_in_every_format(served: Serve, tmp_path: Path) -> None:
    catalog = served(
        labeled("a", 1, submission_title="One\n#EXTINF:1,forged", submission_artist="=1+1"),
        labeled("b", 2, genres=[], features={}, tags={}),
    )

    def export(kind: str) -> bytes:
        answer = catalog.client.get("/api/export", params={"format": kind, "sort": "labeled_at"})
        assert answer.status_code == 200
        assert f"needledrop.{kind}" in answer.headers["content-disposition"]
        return answer.content

    assert export("m3u8").decode().splitlines() == [
        "#EXTM3U",
        "#EXTINF:180,=1+1 - One #EXTINF:1,forged",
        "file:///music/a.ogg",
        "#EXTINF:-1,b",
        "file:///music/b.ogg",
    ]
    [first, second] = json.loads(export("jspf"))["playlist"]["track"]
    assert (first["creator"], first["duration"], first["location"]) == ("=1+1", 180_000, ["file:///music/a.ogg"])
    assert "duration" not in second
    rows = list(csv.DictReader(io.StringIO(export("csv").decode())))
    assert [(row["id"], row["artist"], row["tempo"]) for row in rows] == [("a", "'=1+1", "120.0"), ("b", "", "")]
    assert [one["genre"] for one in json.loads(export("json"))] == ["jazz", None]
    file = tmp_path / "exported.parquet"
    file.write_bytes(export("parquet"))
    with duckdb.connect() as database:
        found = database.execute("SELECT id, tempo, genre FROM read_parquet(?) ORDER BY id", [str(file)]).fetchall()
    assert found == [("a", 120.0, "jazz"), ("b", None, None)]


def test_an_empty_selection_is_exported_too(served: Serve) -> None:
    catalog = served()

    for kind in ("m3u8", "jspf", "csv", "json", "parquet"):
        assert catalog.client.get("/api/export", params={"format": kind}).status_code == 200


def test_requests_are_counted_by_route_and_status(served: Serve) -> None:
    catalog = served(labeled("a", 1))
    catalog.get("/api/track", id="a")
    catalog.refused("/api/track", id="b")
    catalog.client.get("/nowhere")

    def count(route: str, status: str) -> float | None:
        labels = {"route": route, "status": status}
        return catalog.registry.get_sample_value("needledrop_catalog_requests_total", labels)

    deadline = time.monotonic() + 10
    while count("other", "404") is None and time.monotonic() < deadline:
        time.sleep(0.01)  # a request is counted when its answer is out
    assert (count("/api/track", "200"), count("/api/track", "404"), count("other", "404")) == (1, 1, 1)
