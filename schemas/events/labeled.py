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
    submission: Submission
    labeled_at: UtcTime
    from_cache: bool
    """Whether the content was known and its earlier result was used."""
    timings: Timings
