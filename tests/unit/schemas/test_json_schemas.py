import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from schemas.event_model import Event
from schemas.events import TrackFailed, TrackLabeled, TrackSubmitted
from schemas.json_schemas import PUBLIC_EVENTS, json_schema


def parts(schema: object, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in a schema, with its place."""
    if isinstance(schema, dict):
        yield place, schema
        for name, value in schema.items():
            yield from parts(value, f"{place}/{name}")
    elif isinstance(schema, list):
        for number, value in enumerate(schema):
            yield from parts(value, f"{place}/{number}")


@pytest.mark.parametrize("event", PUBLIC_EVENTS)
def test_a_schema_is_valid_and_describes_every_property(event: type[Event]) -> None:
    schema = json_schema(event)

    jsonschema.Draft7Validator.check_schema(schema)
    properties = [
        (f"{place}/{name}", described)
        for place, part in parts(schema)
        if isinstance(part.get("properties"), dict) and isinstance(part.get("required", []), list)
        for name, described in part["properties"].items()
    ]
    assert len(properties) > 10
    assert [place for place, described in properties if not described.get("description", "").endswith(".")] == []


@pytest.mark.parametrize("event", PUBLIC_EVENTS)
def test_a_schema_leaves_room_for_new_fields_and_values_and_has_no_nulls(event: type[Event]) -> None:
    for place, part in parts(json_schema(event)):
        assert part.get("additionalProperties") is not False, place
        assert "enum" not in part, place
        assert "const" not in part, place
        assert part.get("type") != "null", place
        assert "anyOf" not in part, place
        assert place == "" or not isinstance(part.get("title"), str), place


def test_a_schema_names_the_event_and_its_major_version() -> None:
    schema = json_schema(TrackLabeled)

    assert schema["title"] == "TrackLabeled"
    assert schema["$id"] == "urn:needledrop:track:labeled:v1"


def test_what_a_person_looks_for_comes_first() -> None:
    schema = json_schema(TrackSubmitted)

    assert list(schema)[2:6] == ["title", "description", "type", "properties"]
    assert set(list(schema["properties"])[:4]) == {"track_id", "uri", "submission_id", "submitted_at"}


@pytest.mark.parametrize(
    "change",
    [
        {"track_id": None},
        {"track_id": "a\x00b"},
        {"uri": "x" * 4097},
        {"year": "1999"},
        {"attributes": {"a": 1}},
        {"attributes": {"a" * 65: "b"}},
    ],
)
def test_the_schema_refuses_what_the_model_refuses(submitted_fields: dict[str, Any], change: dict[str, object]) -> None:
    validator = jsonschema.Draft7Validator(json_schema(TrackSubmitted))
    assert validator.is_valid(submitted_fields)

    assert not validator.is_valid(submitted_fields | change)


@pytest.mark.parametrize("missing", ["track_id", "uri", "submission_id", "submitted_at"])
def test_the_schema_requires_what_the_model_requires(submitted_fields: dict[str, Any], missing: str) -> None:
    del submitted_fields[missing]

    assert not jsonschema.Draft7Validator(json_schema(TrackSubmitted)).is_valid(submitted_fields)


def test_reasons_are_plain_strings() -> None:
    reason = json_schema(TrackFailed)["properties"]["reason"]

    assert {key: value for key, value in reason.items() if key != "description"} == {"type": "string"}
    assert json.dumps(json_schema(TrackFailed))
