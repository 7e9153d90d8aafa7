import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.errors import FailureReason
from schemas.events import Submission, TrackFailed, TrackSubmitted
from schemas.origin import Coordinates, Position
from schemas.topics import TRACKS_SUBMITTED
from shared.kafka.records import Record
from workers.cli.failed_tracks import Failure, Wanted, replay_of, replayable, root_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
URI = "https://user:secret@example.org/a.ogg?signature=secret"


def a_place(offset: int) -> Coordinates:
    return Coordinates(topic=TRACKS_SUBMITTED.name, partition=0, offset=offset)


def a_submission(submission_id: str = "s-1", track_id: str = "t", **more: Any) -> TrackSubmitted:
    return TrackSubmitted(track_id=track_id, uri=URI, submission_id=submission_id, submitted_at=NOON, **more)


def a_record(event: TrackSubmitted, offset: int = 0) -> Record:
    return Record(TRACKS_SUBMITTED.name, 0, offset, 1000 + offset, event.track_id.encode(), event.to_json())


def a_failure(
    event: TrackSubmitted | None = None, reason: FailureReason = FailureReason.UNREACHABLE, *, offset: int = 0
) -> Failure:
    failed = TrackFailed(
        track_id=event.track_id if event else "t",
        reason=reason.value,
        message="nobody answered",
        stage="extractor",
        attempts=3,
        failed_at=NOON + timedelta(minutes=offset),
        submission=Submission.of(event, a_place(offset)) if event else None,
        coordinates=a_place(offset),
        record_sha256=hashlib.sha256(b"").hexdigest(),
        record_size_bytes=0,
    )
    return Failure(failed, Position(1000 + offset, offset))


def test_wanted_holds_a_failure_that_meets_every_filter() -> None:
    failure = a_failure(a_submission(track_id="t"), offset=5)

    assert failure in Wanted()
    assert failure in Wanted(reason="unreachable", since=NOON + timedelta(minutes=5), track_id="t")
    assert failure not in Wanted(reason="not_found")
    assert failure not in Wanted(since=NOON + timedelta(minutes=6))
    assert failure not in Wanted(track_id="u")


def test_replayable_is_the_last_failure_of_each_track_in_order() -> None:
    of_t = [a_failure(a_submission(f"s-{i}"), offset=i) for i in (3, 1, 2)]
    of_u = a_failure(a_submission("u-1", track_id="u"), offset=2)

    assert replayable([*of_t, of_u]) == [of_u, of_t[0]]


def test_replayable_leaves_out_what_was_no_event_and_what_was_superseded() -> None:
    failed = a_failure(a_submission("s-1"), offset=1)
    overtaken = a_failure(a_submission("s-2", replay_of="s-0"), FailureReason.SUPERSEDED, offset=2)
    no_event = a_failure(None, FailureReason.INVALID_EVENT, offset=3)

    assert replayable([failed, overtaken, no_event]) == [failed]


@pytest.mark.parametrize(
    ("links", "root"), [({}, "s-1"), ({"replay_of": "s-0"}, "s-0"), ({"relabel_of": "s-00"}, "s-00")]
)
def test_root_of_a_submission_is_what_it_is_about(links: dict[str, str], root: str) -> None:
    assert root_of(Submission.of(a_submission("s-1", **links), a_place(0))) == root


def test_replay_is_the_original_with_its_secrets_a_new_id_and_a_condition() -> None:
    original = a_submission("s-1", title="A", attributes={"shelf": "3"})
    later = NOON + timedelta(hours=1)

    replay = replay_of(a_failure(original), a_record(original), submission_id="r-1", at=later)

    assert replay
    assert replay.uri == URI
    assert replay.model_dump(exclude={"submission_id", "submitted_at", "replay_of"}) == original.model_dump(
        exclude={"submission_id", "submitted_at", "replay_of"}
    )
    assert (replay.submission_id, replay.submitted_at, replay.replay_of) == ("r-1", later, "s-1")


def test_replay_of_a_failed_replay_is_about_the_original() -> None:
    first = a_submission("r-1", replay_of="s-1")

    replay = replay_of(a_failure(first), a_record(first), submission_id="r-2", at=NOON)

    assert replay
    assert (replay.submission_id, replay.replay_of) == ("r-2", "s-1")


@pytest.mark.parametrize("other", [a_submission("s-2"), a_submission("s-1", track_id="u")])
def test_there_is_no_replay_when_another_record_is_at_the_coordinates(other: TrackSubmitted) -> None:
    assert replay_of(a_failure(a_submission("s-1")), a_record(other), submission_id="r-1", at=NOON) is None
