"""The one function that runs inside a decoding process: from an open file to what its signal says."""

import tempfile
import time
from dataclasses import dataclass
from typing import BinaryIO

from schemas.errors import InvalidSettingError
from shared.features import Presence, SignalFeatures
from shared.front_end.patches import Segments, segments_of
from shared.front_end.spec import FrontEnd
from workers.extractor.decoding import SAMPLE_RATE_HZ, Decoded, DecodingLimits, decoded


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisTask:
    """What shall be found out about a file. Raises: InvalidSettingError for a front end at another sample rate."""

    limits: DecodingLimits
    patch_frames: dict[FrontEnd, int]  # the front ends that networks need, each with the longest patch of its networks
    all_patches: bool = False
    features: bool = True  # whether the signal features, and so loudness, are wanted; else there is the presence alone

    def __post_init__(self) -> None:
        for spec in self.patch_frames:
            if spec.sample_rate_hz != SAMPLE_RATE_HZ:
                raise InvalidSettingError(
                    f"front end {spec.name!r} is at {spec.sample_rate_hz} Hz; the extractor decodes to {SAMPLE_RATE_HZ}"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """When an analysis began, when the file was decoded, when the rest was done: nanoseconds since 1970."""

    began_ns: int
    decoded_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Analysis:
    """What was found out."""

    container: str
    codec: str
    sample_rate_hz: int
    n_channels: int
    start_s: float  # where decoding began
    duration_s: float  # decoded
    whole_s: float  # of the file, up to the cap
    cut: bool  # whether the file goes on after the cap
    loudness_lufs: float | None
    excerpt_start_s: float  # of the stretch that the signal features are of
    excerpt_duration_s: float
    signal: SignalFeatures | Presence  # of the excerpt
    segments: dict[str, Segments]  # by front end
    took: Took


def analyse(task: AnalysisTask, file: BinaryIO) -> Analysis:
    """Decode and analyse one file.

    Args:
        task: says what.
        file: has a descriptor; read from its beginning.
    Raises: EmptyAudioError, UndecodableAudioError, AudioOutOfBoundsError.
    """
    began_ns = time.time_ns()
    return _analysis(decoded(file, task.limits, loudness=task.features), task, began_ns)


def _analysis(track: Decoded, task: AnalysisTask, began_ns: int) -> Analysis:
    decoded_ns = time.time_ns()
    excerpt = track.excerpt
    # SciPy and librosa are loaded in decoding processes only: the extractor itself is back sooner after a kill.
    from workers.extractor.signal_features import presence, signal_features

    signal = (
        signal_features(excerpt, track.loudness_lufs, duration_ms=round(track.whole_s * 1000))
        if task.features
        else presence(excerpt)
    )
    segments = {
        spec.name: segments_of(track.samples, spec, all_patches=task.all_patches, patch_frames=patch_frames)
        for spec, patch_frames in task.patch_frames.items()
    }
    return Analysis(
        container=track.container,
        codec=track.codec,
        sample_rate_hz=track.sample_rate_hz,
        n_channels=track.n_channels,
        start_s=track.start_s,
        duration_s=track.duration_s,
        whole_s=track.whole_s,
        cut=track.cut,
        loudness_lufs=track.loudness_lufs,
        excerpt_start_s=track.excerpt_start_s,
        excerpt_duration_s=excerpt.size / SAMPLE_RATE_HZ,
        signal=signal,
        segments=segments,
        took=Took(began_ns=began_ns, decoded_ns=decoded_ns, ended_ns=time.time_ns()),
    )


def warm_up(task: AnalysisTask) -> None:
    """Analyse a second of noise, so that all libraries are loaded and all tables made before the first file comes."""
    import numpy as np
    import soundfile

    noise = np.random.default_rng(0).standard_normal((44_100, 2)).astype(np.float32) * 0.1
    with tempfile.TemporaryFile() as file:
        soundfile.write(file, noise, 44_100, format="WAV")
        file.flush()
        analyse(task, file)
