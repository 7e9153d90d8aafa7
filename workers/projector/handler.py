"""One label, failure or tombstone becomes one view. No Kafka, no Redis."""

from schemas.errors import FailureReason, InvalidEventError
from schemas.events import TrackFailed
from schemas.origin import Origin
from schemas.topics import TRACKS_LABELED
from shared.kafka.records import Record
from shared.redis.views import View, ViewKind


def view_of(record: Record) -> View | None:
    """The view that a record of the label or failure topic makes; None when it makes none.

    Raises: InvalidEventError for a record that no worker of ours wrote.
    """
    if record.key is None:
        raise InvalidEventError("the record has no key")
    position = Origin.from_headers(record.headers).position
    if record.topic == TRACKS_LABELED.name:
        if record.value is None:
            return View(record.key_text, position, ViewKind.DELETED)
        return View(record.key_text, position, ViewKind.LABEL, record.value)
    failure = TrackFailed.from_json(record.value or b"")
    if failure.reason == FailureReason.SUPERSEDED:
        return None  # the track has a newer submission, whose outcome is the one to show
    return View(record.key_text, position, ViewKind.FAILURE, record.value or b"")
