"""What a record of the label or failure topic says about a track. No Kafka client, no database."""

from dataclasses import dataclass
from typing import TypeAlias

from schemas.errors import FailureReason, InvalidEventError
from schemas.events import TrackFailed, TrackLabeled
from schemas.origin import Origin
from schemas.topics import TRACKS_LABELED
from shared.kafka.records import Record


@dataclass(frozen=True, slots=True)
class Labeled:
    """A track has a label. ``value`` is the event's JSON as it was read."""

    track_id: str
    position: str
    label: TrackLabeled
    value: bytes


@dataclass(frozen=True, slots=True)
class Deleted:
    """A track was deleted. ``at_ms`` is when, in milliseconds since 1970."""

    track_id: str
    position: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A submission of a track ended without a label."""

    track_id: str
    position: str
    failure: TrackFailed


Change: TypeAlias = Labeled | Deleted | Failed


def change_of(record: Record) -> Change | None:
    """The change that a record makes, None when it makes none.

    Positions are text of fixed width, which sorts as submissions do.

    Raises: InvalidEventError for a record that no worker of ours wrote.
    """
    if not record.key:
        raise InvalidEventError("the record has no key")
    position = str(Origin.from_headers(record.headers).position)
    if record.topic == TRACKS_LABELED.name:
        if record.value is None:
            return Deleted(record.key_text, position, max(record.timestamp_ms, 0))
        return Labeled(record.key_text, position, TrackLabeled.from_json(record.value), record.value)
    failure = TrackFailed.from_json(record.value or b"")
    if failure.reason == FailureReason.SUPERSEDED:
        return None  # the track has a newer submission, whose outcome counts
    return Failed(record.key_text, position, failure)
