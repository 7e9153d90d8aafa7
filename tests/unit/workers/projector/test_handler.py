import json

import pytest

from schemas.errors import InvalidEventError
from schemas.origin import Coordinates, Origin, Position
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.kafka.records import Record
from shared.redis.views import View, ViewKind
from workers.projector.handler import view_of

POSITION = Position(1_700_000_000_000, 42)
HEADERS = Origin("submission-1", POSITION, Coordinates(topic="tracks.submitted.v1", partition=3, offset=42)).headers()


def a_failure(reason: str) -> bytes:
    return json.dumps(
        {
            "track_id": "track-1",
            "reason": reason,
            "message": "there is nothing at this URI",
            "stage": "extractor",
            "attempts": 1,
            "failed_at": "2026-01-01T00:00:01Z",
            "coordinates": {"topic": "tracks.submitted.v1", "partition": 3, "offset": 42},
            "record_sha256": "0" * 64,
            "record_size_bytes": 1,
        }
    ).encode()


def a_record(topic: str, value: bytes | None, key: bytes | None = b"track-1", *, with_origin: bool = True) -> Record:
    return Record(topic, 0, 7, timestamp_ms=5, key=key, value=value, headers=HEADERS if with_origin else ())


def test_a_label_becomes_the_view_of_its_track_at_its_submission_s_position() -> None:
    view = view_of(a_record(TRACKS_LABELED.name, b'{"any": "label"}'))

    assert view == View("track-1", POSITION, ViewKind.LABEL, b'{"any": "label"}')


def test_a_tombstone_becomes_a_deletion() -> None:
    assert view_of(a_record(TRACKS_LABELED.name, None)) == View("track-1", POSITION, ViewKind.DELETED)


def test_a_failure_becomes_a_view_that_holds_it() -> None:
    value = a_failure("not_found")

    assert view_of(a_record(TRACKS_FAILED.name, value)) == View("track-1", POSITION, ViewKind.FAILURE, value)


def test_a_failure_for_a_reason_that_is_not_known_yet_becomes_a_view_too() -> None:
    view = view_of(a_record(TRACKS_FAILED.name, a_failure("invented_next_year")))

    assert view is not None
    assert view.kind is ViewKind.FAILURE


def test_a_superseded_submission_changes_no_view() -> None:
    assert view_of(a_record(TRACKS_FAILED.name, a_failure("superseded"))) is None


@pytest.mark.parametrize(
    "record",
    [
        a_record(TRACKS_LABELED.name, b"{}", key=None),
        a_record(TRACKS_LABELED.name, b"{}", with_origin=False),
        a_record(TRACKS_LABELED.name, None, with_origin=False),
        a_record(TRACKS_FAILED.name, None),
        a_record(TRACKS_FAILED.name, b"\xff\xfe"),
        a_record(TRACKS_FAILED.name, b"{}"),
    ],
    ids=["no key", "no headers", "tombstone without headers", "null failure", "no text", "no failure"],
)
def test_a_record_that_no_worker_of_ours_wrote_is_an_invalid_event(record: Record) -> None:
    with pytest.raises(InvalidEventError):
        view_of(record)
