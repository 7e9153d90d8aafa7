"""Events on their way out: headers, and how an error becomes a failure event. No client, no clock of its own."""

import re
from collections.abc import Sequence
from datetime import datetime

from schemas.errors import FailureReason, InvalidEventError, TooLargeError, TrackError
from schemas.events import Submission, TrackFailed
from schemas.headers import FEATURES_CONTENT_TYPE, JSON_CONTENT_TYPE, cloud_event, derived_id, travelling
from schemas.origin import Coordinates, Origin
from schemas.topics import TRACKS_FAILED, TRACKS_FEATURES, TRACKS_SUBMITTED, Topic
from shared.kafka.records import Outgoing, Record, SubmissionEnd
from shared.metrics.labels import Outcome, SubmissionKind

_MESSAGE_CHARACTERS = 2048
_TRACK_ID_CHARACTERS = 256
# A longer key is no track_id, and may make an outcome that no broker takes: cut, to a length that is none either.
_KEY_BYTES = 4 * _TRACK_ID_CHARACTERS + 1
# Control characters forge lines in terminals; halves of surrogate pairs (file names have them) are no JSON.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def origin_of(record: Record) -> Origin:
    """The submission that a record descends from: its own place at the head of the flow, its headers further down.

    A record whose headers are missing or broken stands for itself.
    """
    if record.topic != TRACKS_SUBMITTED.name:
        try:
            return Origin.from_headers(record.headers)
        except InvalidEventError:
            pass
    return Origin(str(record.coordinates), record.position, record.coordinates)


def outgoing(
    topic: Topic,
    record: Record,
    value: bytes | None,
    *,
    origin: Origin,
    stage: str,
    at: datetime,
    end: SubmissionEnd | None = None,
) -> Outgoing:
    """``value`` as an event of ``topic`` that follows from ``record``; None is a tombstone.

    ``end``: how that ends the submission, None when it does not.
    """
    content_type = FEATURES_CONTENT_TYPE if topic is TRACKS_FEATURES else JSON_CONTENT_TYPE
    event_headers = cloud_event(
        topic.event.ce_type,
        source=f"needledrop/{stage}",
        ce_id=derived_id(origin, stage),
        at=at,
        content_type=content_type,
    )
    headers = [*event_headers, *origin.headers(), *travelling(record.headers)]
    return Outgoing(topic.name, (record.key or b"")[:_KEY_BYTES], value, headers, end)


def failed(
    record: Record,
    error: Exception,
    *,
    stage: str,
    at: datetime,
    coordinates: Coordinates,
    submission: Submission | None = None,
    attempts: int = 1,
) -> TrackFailed:
    """The failure event for ``error``. Whatever is not one of ours is `internal_error`, its text kept to the logs."""
    if isinstance(error, TrackError):
        reason, message = error.reason, str(error)
    else:
        reason = FailureReason.INTERNAL_ERROR
        message = f"{type(error).__name__} in the {stage}; its log has the rest. Please report it"
    return TrackFailed(
        track_id=_printable(record.key_text)[:_TRACK_ID_CHARACTERS],
        reason=reason.value,
        message=_printable(message)[:_MESSAGE_CHARACTERS],
        stage=stage,
        attempts=attempts,
        failed_at=at,
        submission=submission,
        coordinates=coordinates,
        record_sha256=record.value_sha256,
        record_size_bytes=len(record.value or b""),
    )


def refusal(outputs: Sequence[Outgoing]) -> TooLargeError:
    """Why ``outputs``, which the brokers do not take, are not what becomes of a record."""
    sizes = ", ".join(f"{len(output.value or b'')} bytes for {output.topic}" for output in outputs)
    return TooLargeError(f"the brokers do not take what became of this track: {sizes}; see max.message.bytes there")


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text)


def outgoing_failure(record: Record, failure: TrackFailed, *, origin: Origin) -> Outgoing:
    """``failure`` as the end of the submission that ``record`` descends from."""
    return outgoing(
        TRACKS_FAILED,
        record,
        failure.to_json(),
        origin=origin,
        stage=failure.stage,
        at=failure.failed_at,
        end=end_of(failure.submission, "failed", reason=failure.reason),
    )


def end_of(submission: Submission | None, outcome: Outcome, *, reason: str = "") -> SubmissionEnd:
    """How ``submission`` ends; None when the record was none."""
    if submission is None:
        return SubmissionEnd(outcome, reason)
    kind: SubmissionKind = "replay" if submission.replay_of else "relabel" if submission.relabel_of else "new"
    return SubmissionEnd(outcome, reason, kind, submission.submitted_at)
