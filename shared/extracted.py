"""What the extractor hands to whoever labels: within a process as it is, through Kafka as a features event."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.errors import InvalidFeaturesError
from schemas.events import Analysed, Audio, AudioFeatures, Segmentation, TrackFeatures
from schemas.tensors import Tensor
from shared.front_end.patches import Segments
from shared.front_end.spec import FrontEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """What the signal of one content says."""

    audio: Audio
    analysed: Analysed
    features: AudioFeatures
    features_version: str
    signal: Mapping[str, float]
    """Numbers that only the classifier reads, by name."""
    segments: Mapping[str, Segments]
    """By name of the front end."""

    def event_fields(self) -> dict[str, object]:
        """The fields of a TrackFeatures event that hold this; the tensors travel beside it."""
        return {
            "audio": self.audio,
            "analysed": self.analysed,
            "features": self.features,
            "features_version": self.features_version,
            "signal": dict(self.signal),
            "segmentations": {
                name: Segmentation(
                    start_frames=segments.start_frames, n_frames=segments.n_frames, track_frames=segments.track_frames
                )
                for name, segments in self.segments.items()
            },
        }

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Mel power (n_frames, n_bands) by name of the front end."""
        return {name: segments.power for name, segments in self.segments.items()}


def extracted_from(
    event: TrackFeatures, tensors: Mapping[str, Tensor], front_ends: Mapping[str, FrontEnd]
) -> Extracted:
    """Read it back, for the front ends that the reader knows.

    Raises: InvalidFeaturesError when the event holds no analysis, or a tensor does not fit its front end.
    """
    if event.audio is None or event.analysed is None or event.features is None or event.features_version is None:
        raise InvalidFeaturesError("there is neither an earlier result nor a whole analysis in this event")
    segmentations = event.segmentations or {}
    return Extracted(
        audio=event.audio,
        analysed=event.analysed,
        features=event.features,
        features_version=event.features_version,
        signal=event.signal or {},
        segments={
            name: Segments(
                front_end=front_end,
                power=tensors[name],
                start_frames=segmentations[name].start_frames,
                n_frames=segmentations[name].n_frames,
                track_frames=segmentations[name].track_frames,
            )
            for name, front_end in front_ends.items()
            if name in segmentations
        },
    )
