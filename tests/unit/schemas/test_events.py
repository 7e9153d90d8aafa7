import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import InvalidEventError
from schemas.event_model import Event
from schemas.events import Submission, TrackFailed, TrackFeatures, TrackLabeled, TrackSubmitted
from schemas.json_schemas import PUBLIC_EVENTS, json_schema
from schemas.origin import Coordinates

# Building an event takes some milliseconds; the size of what is built says nothing here.
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

AnyEvent = Callable[[type[Event]], st.SearchStrategy[Event]]
COORDINATES = Coordinates(topic="tracks.submitted.v1", partition=3, offset=15)


def holds_null(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(holds_null, value.values()))
    return any(map(holds_null, value)) if isinstance(value, list) else value is None


@pytest.mark.parametrize("kind", [TrackSubmitted, TrackFeatures, TrackLabeled, TrackFailed])
@given(data=st.data())
@few
def test_an_event_is_itself_after_a_trip_through_json(
    kind: type[Event], any_event: AnyEvent, data: st.DataObject
) -> None:
    event = data.draw(any_event(kind))

    assert kind.from_json(event.to_json()) == event


@pytest.mark.parametrize("kind", PUBLIC_EVENTS)
@given(data=st.data())
@few
def test_an_event_as_it_is_written_satisfies_its_json_schema(
    kind: type[Event], any_event: AnyEvent, data: st.DataObject
) -> None:
    written = json.loads(data.draw(any_event(kind)).to_json())

    jsonschema.Draft7Validator(json_schema(kind)).validate(written)
    assert not holds_null(written)


def test_an_event_takes_fields_that_it_does_not_know(submitted_fields: dict[str, Any]) -> None:
    newer = submitted_fields | {"mood_board": {"deep": [None, {"er": 1}]}}

    assert TrackSubmitted.from_json(json.dumps(newer)) == TrackSubmitted.from_json(json.dumps(submitted_fields))


def test_times_are_kept_in_utc(submitted_fields: dict[str, Any]) -> None:
    event = TrackSubmitted.from_json(json.dumps(submitted_fields))

    assert event.submitted_at == datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert json.loads(event.to_json())["submitted_at"] == "2026-01-02T01:04:05Z"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("track_id", ""),
        ("track_id", "x" * 257),
        ("track_id", "a\nb"),
        ("track_id", "a\n"),
        ("track_id", "a\x9b31m"),
        ("track_id", "a\u2028b"),
        ("track_id", None),
        ("track_id", 7),
        ("submission_id", "\x00"),
        ("replay_of", ""),
        ("uri", ""),
        ("uri", "x" * 4097),
        ("submitted_at", "2026-01-02T03:04:05"),
        ("submitted_at", "2026-01-02"),
        ("submitted_at", "soon"),
        ("submitted_at", "0001-01-01T00:00:00+14:00"),
        ("submitted_at", "9999-12-31T23:59:59-14:00"),
        ("title", "x" * 1025),
        ("title", ["a"]),
        ("year", -1),
        ("year", 10_000),
        ("year", "last year"),
        ("attributes", {"": "a"}),
        ("attributes", {"x" * 65: "a"}),
        ("attributes", {"a": 1}),
        ("attributes", {"a": {"b": "c"}}),
        ("attributes", {str(number): "" for number in range(33)}),
        ("attributes", {"a": "x" * 1025}),
        ("attributes", {str(number): "x" * 1024 for number in range(4)}),
    ],
)
def test_a_submission_is_refused_and_its_field_named(
    submitted_fields: dict[str, Any], field: str, value: object
) -> None:
    with pytest.raises(InvalidEventError, match=rf"^not a TrackSubmitted: .*({field}|attributes hold)"):
        TrackSubmitted.from_json(json.dumps(submitted_fields | {field: value}))


def test_a_submission_at_every_limit_is_taken(submitted_fields: dict[str, Any]) -> None:
    longest = {
        "track_id": "\U0001f3b5" * 256,
        "uri": "x" * 4096,
        "title": "x" * 1024,
        "year": 9999,
        "attributes": {f"{number:02d}": "x" * 126 for number in range(32)},  # 32 * 128 = 4,096 characters
    }

    event = TrackSubmitted.from_json(json.dumps(submitted_fields | longest))

    assert len(event.attributes or {}) == 32


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        b"\xff\xfe",
        b"{",
        b"[" * 100_000,
        b'{"track_id": "\\ud800"}',
        b'{"a": NaN}',
        b'{"a": ' + b"9" * 100_000 + b"}",
    ],
    ids=lambda value: repr(value[:16]),
)
def test_bytes_that_are_no_event_are_an_invalid_event_and_nothing_else(value: bytes) -> None:
    with pytest.raises(InvalidEventError):
        TrackSubmitted.from_json(value)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_an_invalid_event(value: bytes) -> None:
    with pytest.raises(InvalidEventError):
        TrackSubmitted.from_json(value)  # that random bytes are one would take longer than the universe has


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_does_not_have_are_refused(number: str) -> None:
    features = f'{{"track_id": "a", "policy": "full", "timings": {{"fetch_s": {number}}}}}'

    with pytest.raises(InvalidEventError, match=r"; timings\.fetch_s: "):
        TrackFeatures.from_json(features)


def test_a_refusal_shows_no_value_and_stays_short(submitted_fields: dict[str, Any]) -> None:
    wrong = submitted_fields | {
        "uri": submitted_fields["uri"] * 200,
        "track_id": {"secret": 1},
        "year": "secret",
        "isrc": "secret" * 10,
        "attributes": {"x" * 5000: "secret"} | {str(number): "secret" * 1000 for number in range(20)},
    }

    with pytest.raises(InvalidEventError) as refusal:
        TrackSubmitted.from_json(json.dumps(wrong))

    assert "secret" not in str(refusal.value)
    assert "more" in str(refusal.value)
    assert len(str(refusal.value)) < 1000


def test_a_submission_that_travels_has_all_of_the_event_but_the_secrets_of_its_uri(
    submitted_fields: dict[str, Any],
) -> None:
    event = TrackSubmitted.from_json(
        json.dumps(
            submitted_fields | {"title": "Vibe Ace", "year": 2011, "attributes": {"shelf": "7"}, "replay_of": "s0"}
        )
    )

    submission = Submission.of(event, COORDINATES)

    assert submission.uri == "https://***@example.org/a.mp3?X-Amz-Signature=***"
    assert submission.coordinates == COORDINATES
    carried = submission.model_dump(exclude={"uri", "coordinates"})
    assert carried == event.model_dump(exclude={"uri", "track_id"})
    assert "secret" not in submission.model_dump_json()


def test_a_uri_that_grows_when_its_secrets_are_hidden_is_cut(submitted_fields: dict[str, Any]) -> None:
    event = TrackSubmitted.from_json(json.dumps(submitted_fields | {"uri": "https://example.org/?" + "&" * 4000}))

    assert len(Submission.of(event, COORDINATES).uri) == 1024


def test_a_submission_shows_no_uri_in_logs_and_traces(submitted_fields: dict[str, Any]) -> None:
    assert "secret" not in repr(TrackSubmitted.from_json(json.dumps(submitted_fields)))


@pytest.mark.parametrize(("field", "conditional"), [("replay_of", True), ("relabel_of", True), ("title", False)])
def test_a_submission_is_conditional_when_it_names_another(
    submitted_fields: dict[str, Any], field: str, *, conditional: bool
) -> None:
    assert TrackSubmitted.from_json(json.dumps(submitted_fields | {field: "x"})).conditional is conditional
