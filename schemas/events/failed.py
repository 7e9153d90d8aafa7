"""TrackFailed: a submission ended without a label."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from schemas.event_model import Event, Sha256, UtcTime
from schemas.events.submitted import Submission
from schemas.origin import Coordinates


class TrackFailed(Event):
    """A submission ended without a label, and why. It always fits in a message: long texts are cut."""

    ce_type: ClassVar[str] = "needledrop.track.failed.v1"

    track_id: Annotated[str, StringConstraints(max_length=256)]
    """Of the event, or of the record's key when there is no valid event; empty when there is neither."""
    reason: str
    """A code, like not_found or undecodable_audio; new ones may appear."""
    message: Annotated[str, StringConstraints(max_length=2048)]
    """For people. Holds no secrets."""
    stage: str
    """The worker that gave up."""
    attempts: Annotated[int, Field(ge=1)]
    """How often it was tried; more than once only after passing faults."""
    failed_at: UtcTime
    """When the worker gave up."""
    submission: Submission | None = None
    """Absent when the record was not a valid event."""
    coordinates: Coordinates
    """The TrackSubmitted record."""
    record_sha256: Sha256
    """Of the value of the record that failed."""
    record_size_bytes: Annotated[int, Field(ge=0)]
    """Of the same value."""
