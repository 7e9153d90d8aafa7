"""Failures of the failure topic, and which of them a person asks for. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from schemas.errors import FailureReason
from schemas.events import Submission, TrackFailed, TrackSubmitted
from schemas.origin import Position
from shared.kafka.records import Record
from shared.outcomes import origin_of


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure, and the position of the submission that it ended."""

    event: TrackFailed
    position: Position

    @classmethod
    def of(cls, record: Record) -> "Failure":
        """The failure in a record of the failure topic. Raises: InvalidEventError."""
        return cls(TrackFailed.from_json(record.value or b""), origin_of(record).position)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which failures; what is None does not matter."""

    reason: str | None = None
    since: datetime | None = None
    track_id: str | None = None

    def __contains__(self, failure: Failure) -> bool:
        event = failure.event
        return (
            (self.reason is None or event.reason == self.reason)
            and (self.since is None or event.failed_at >= self.since)
            and (self.track_id is None or event.track_id == self.track_id)
        )


def root_of(submission: Submission) -> str:
    """The unconditional submission that ``submission`` is about: itself, or the one that it replays or relabels."""
    return submission.replay_of or submission.relabel_of or submission.submission_id


def replayable(failures: Iterable[Failure]) -> list[Failure]:
    """The failures that a replay can be about: the last of each track, oldest first.

    Left out are records that were no events, and conditional submissions that something newer has overtaken.
    """
    last: dict[str, Failure] = {}
    for failure in failures:
        event = failure.event
        if event.submission is None or event.reason == FailureReason.SUPERSEDED:
            continue
        known = last.get(event.track_id)
        if known is None or known.position < failure.position:
            last[event.track_id] = failure
    return sorted(last.values(), key=lambda failure: failure.position)


def replay_of(failure: Failure, record: Record, *, submission_id: str, at: datetime) -> TrackSubmitted | None:
    """The failed submission once more, on condition that it is still the track's newest.

    Args:
        failure: what ended it.
        record: what is at its coordinates now; holds the URI with its secrets.
        submission_id: of the replay.
        at: when it is submitted.

    Returns: None when ``record`` is not the one that failed: another cluster's, or the topic was made anew.

    Raises: InvalidEventError, as above.
    """
    known = failure.event.submission
    if known is None or record.value is None:
        return None
    original = TrackSubmitted.from_json(record.value)
    if (original.track_id, original.submission_id) != (failure.event.track_id, known.submission_id):
        return None
    news = {"submission_id": submission_id, "submitted_at": at, "replay_of": root_of(known), "relabel_of": None}
    return original.model_copy(update=news)
