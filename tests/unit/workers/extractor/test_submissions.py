from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.errors import InvalidEventError
from schemas.events import TrackSubmitted
from schemas.origin import Position
from shared.kafka.records import Record
from shared.redis.newest import Note, Stretch
from workers.extractor.submissions import note_of, stretches, submitted


def an_event(track_id: str = "t", submission_id: str = "s", **more: Any) -> TrackSubmitted:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return TrackSubmitted(track_id=track_id, uri="file:///a.ogg", submission_id=submission_id, submitted_at=at, **more)


def a_record(value: bytes | None, key: bytes | None = b"t", *, offset: int = 0, partition: int = 0) -> Record:
    return Record("tracks.submitted.v1", partition, offset, 1000 + offset, key, value)


def test_submitted_is_the_event_of_a_record_whose_key_is_its_track_id() -> None:
    assert submitted(a_record(an_event().to_json())) == an_event()


@pytest.mark.parametrize("key", [b"another", b"", None])
def test_submitted_refuses_a_record_with_another_key(key: bytes | None) -> None:
    with pytest.raises(InvalidEventError, match="must be its track_id"):
        submitted(a_record(an_event().to_json(), key))


def test_note_is_of_unconditional_submissions_and_of_deletions() -> None:
    assert note_of(a_record(an_event().to_json(), offset=7)) == Note("t", Position(1007, 7), "s")
    assert note_of(a_record(None, offset=8)) == Note("t", Position(1008, 8), "")


@pytest.mark.parametrize(
    "record",
    [
        a_record(an_event(replay_of="s-0").to_json()),
        a_record(an_event(relabel_of="s-0").to_json()),
        a_record(b"no event"),
        a_record(an_event().to_json(), b"another"),
        a_record(None, None),
        a_record(None, b"k" * 1025),
    ],
    ids=["replay", "relabel", "no event", "wrong key", "tombstone without a key", "tombstone of nobody's key"],
)
def test_there_is_no_note_of_what_leaves_the_newest_submission_as_it_is(record: Record) -> None:
    assert note_of(record) is None


def test_stretches_cover_each_partition_from_its_first_record_to_its_last() -> None:
    records = [
        a_record(an_event("t", "s-1").to_json(), b"t", partition=1, offset=5),
        a_record(an_event("u", "s-2").to_json(), b"u", partition=0, offset=9),
        a_record(b"no event", b"t", partition=1, offset=6),
        a_record(None, b"t", partition=1, offset=8),
    ]

    assert list(stretches(records)) == [
        Stretch(0, 9, 10, (Note("u", Position(1009, 9), "s-2"),)),
        Stretch(1, 5, 9, (Note("t", Position(1005, 5), "s-1"), Note("t", Position(1008, 8), ""))),
    ]
