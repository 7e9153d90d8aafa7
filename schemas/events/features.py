"""TrackFeatures: the extractor's findings on their way to the classifier; the pipeline's own, no public contract."""

from typing import Annotated, ClassVar

from pydantic import Field

from schemas.event_model import Event, EventModel, Finite, Identifier
from schemas.events.result import Analysed, Audio, AudioFeatures, TrackResult
from schemas.events.submitted import Submission
from schemas.events.timings import Timings


class Segmentation(EventModel):
    """How one front end's tensor, shape (n_frames, n_bands), is cut into stretches of the track."""

    start_frames: tuple[int, ...]
    """First frame of each segment, in frames of the whole track."""
    n_frames: tuple[int, ...]
    """Length of each segment; they lie one after another in the tensor."""
    track_frames: Annotated[int, Field(ge=0)]
    """Frames of all that was decoded."""


class TrackFeatures(Event):
    """Features of a track: the JSON part of a safetensors value, or an earlier result and no tensor."""

    ce_type: ClassVar[str] = "needledrop.track.features.v1"

    track_id: Identifier
    submission: Submission
    policy: str
    """Name of the analysis policy, part of the key of the result cache."""
    audio: Audio | None = None
    analysed: Analysed | None = None
    features: AudioFeatures | None = None
    """What the signal says; the classifier fills the rest."""
    signal: dict[str, Finite] | None = None
    """Numbers that only the classifier reads, by name."""
    features_version: str | None = None
    segmentations: dict[str, Segmentation] | None = None
    """By front end, whose tensor has the same name."""
    earlier_result: TrackResult | None = None
    """Set when the content was known: then nothing above but the audio is."""
    timings: Timings
