import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.compatibility import breaking_changes
from schemas.documents import FOLDER
from schemas.json_schemas import PUBLIC_EVENTS, json_schema

RELEASED = sorted((FOLDER / "released").glob("*/*.schema.json"))
CURRENT = {event.__name__: json_schema(event) for event in PUBLIC_EVENTS}
Change = Callable[[dict[str, Any]], object]


def test_every_public_event_was_released() -> None:
    assert {path.name.partition(".")[0] for path in RELEASED} >= set(CURRENT)


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_no_release_is_broken_by_the_current_schema(path: Path) -> None:
    name = path.name.partition(".")[0]

    changes = breaking_changes(json.loads(path.read_text(encoding="utf-8")), CURRENT[name])

    assert changes == [], "make a new major version of this event and its topic instead"


def changed(name: str, change: Change) -> list[str]:
    """What is found when ``change`` is made to the current schema of an event."""
    current = copy.deepcopy(CURRENT[name])
    change(current)
    assert current != CURRENT[name]
    return breaking_changes(CURRENT[name], current)


@pytest.mark.parametrize(
    ("name", "change", "finding"),
    [
        ("TrackSubmitted", lambda s: s["required"].append("title"), "event.title: is newly required"),
        ("TrackSubmitted", lambda s: s["required"].append("mood"), "event.mood: is newly required"),
        ("TrackSubmitted", lambda s: s["properties"].pop("isrc"), "event.isrc: is gone"),
        (
            "TrackSubmitted",
            lambda s: s["properties"]["uri"].update(maxLength=1024),
            "event.uri: maxLength was 4096, is 1024",
        ),
        (
            "TrackSubmitted",
            lambda s: s["properties"]["uri"].update(maxLength=8192),
            "event.uri: maxLength was 4096, is 8192",
        ),
        ("TrackSubmitted", lambda s: s["properties"]["uri"].update(pattern="^s3:"), "event.uri: pattern was absent"),
        ("TrackSubmitted", lambda s: s.update(additionalProperties=False), "event: additionalProperties was absent"),
        (
            "TrackSubmitted",
            lambda s: s["properties"]["attributes"]["additionalProperties"].update(type="number"),
            "event.attributes.additionalProperties: type was 'string', is 'number'",
        ),
        ("TrackLabeled", lambda s: s["required"].remove("genres"), "event.genres: is no longer required"),
        ("TrackLabeled", lambda s: s["required"].append("unsure"), "event.unsure: is newly required"),
        (
            "TrackLabeled",
            lambda s: s["properties"]["unsure"].update(type=["boolean", "null"]),
            "event.unsure: type was",
        ),
        ("TrackLabeled", lambda s: s["properties"].update(mood=s["properties"].pop("unsure")), "event.unsure: is gone"),
        (
            "TrackLabeled",
            lambda s: s["definitions"]["GenreProbability"]["properties"]["genre"].update(enum=["rock"]),
            "event.genres.items.genre: enum was absent",
        ),
        (
            "TrackLabeled",
            lambda s: s["definitions"]["TagProbability"]["properties"]["probability"].update(maximum=100),
            "event.tags.era.items.probability: maximum was 1.0, is 100",
        ),
        (
            "TrackLabeled",
            lambda s: s["definitions"]["Audio"]["required"].remove("container"),
            "event.audio.container: is no",
        ),
        (
            "TrackLabeled",
            lambda s: s["properties"]["audio"].update({"$ref": "#/definitions/Analysed"}),
            "event.audio.content_hash: is gone",
        ),
        (
            "TrackFailed",
            lambda s: s["definitions"]["Coordinates"]["properties"].pop("offset"),
            "event.coordinates.offset: is gone",
        ),
        (
            "TrackFailed",
            lambda s: s["properties"].update(message={"type": "object"}),
            "event.message: type was 'string'",
        ),
    ],
)
def test_a_breaking_change_is_found_and_its_place_named(name: str, change: Change, finding: str) -> None:
    assert any(line.startswith(finding) for line in changed(name, change)), changed(name, change)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["properties"].update(mood={"type": "string"}),
        lambda s: s["definitions"]["AudioFeatures"]["properties"].update(groove={"type": "number", "maximum": 1}),
        lambda s: s.update(description="Better said.", title="Label"),
        lambda s: s["properties"]["genres"].update(description="Better said.", default=[]),
        lambda s: s["required"].reverse(),
        lambda s: s["definitions"].update(Unused={"type": "object"}),
        lambda s: s["properties"].update(audio=s["definitions"]["Audio"]),
    ],
)
def test_additions_that_need_not_be_there_and_texts_break_nobody(change: Change) -> None:
    assert changed("TrackLabeled", change) == []


def test_a_schema_that_holds_itself_is_compared_once() -> None:
    tree = {"definitions": {"Node": {"properties": {"next": {"$ref": "#/definitions/Node"}, "n": {"type": "integer"}}}}}
    root = {"properties": {"node": {"$ref": "#/definitions/Node"}}}
    other = copy.deepcopy(tree)
    other["definitions"]["Node"]["properties"]["n"]["type"] = "string"

    assert breaking_changes(root | tree, root | tree) == []
    assert breaking_changes(root | tree, root | other) == ["event.node.n: type was 'integer', is 'string'"]
