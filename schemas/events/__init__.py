"""The events: past facts about a track, keyed by ``track_id``. JSON Schemas beside them are generated from these."""

from schemas.events.failed import TrackFailed
from schemas.events.features import Segmentation, TrackFeatures
from schemas.events.labeled import TrackLabeled
from schemas.events.result import (
    Analysed,
    Audio,
    AudioFeatures,
    GenreProbability,
    SegmentGenres,
    TagProbability,
    Tags,
    TempoCandidate,
    TrackResult,
    Versions,
)
from schemas.events.submitted import Submission, TrackSubmitted
from schemas.events.timings import Timings

__all__ = [
    "Analysed",
    "Audio",
    "AudioFeatures",
    "GenreProbability",
    "SegmentGenres",
    "Segmentation",
    "Submission",
    "TagProbability",
    "Tags",
    "TempoCandidate",
    "Timings",
    "TrackFailed",
    "TrackFeatures",
    "TrackLabeled",
    "TrackResult",
    "TrackSubmitted",
    "Versions",
]
