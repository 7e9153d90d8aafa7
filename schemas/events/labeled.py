"""TrackLabeled: a track has its genres, tags and audio features."""

from typing import ClassVar

from schemas.event_model import Event, Identifier, UtcTime
from schemas.events.result import TrackResult
from schemas.events.submitted import Submission
from schemas.events.timings import Timings


class TrackLabeled(Event, TrackResult):
    """A track has its labels. In a compacted topic: the newest event of a track wins, a null value deletes it."""

    ce_type: ClassVar[str] = "needledrop.track.labeled.v1"

    track_id: Identifier
    """The track, in the ingest system's own terms. Also the key of the record."""
    submission: Submission
    """What was asked for, by whom it was described and where it is."""
    labeled_at: UtcTime
    """When the label was made."""
    from_cache: bool
    """Whether the content was known and its earlier result was used."""
    timings: Timings
    """How long it took."""
