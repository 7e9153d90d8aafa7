"""Which pieces of a track the networks hear. Arithmetic on frames, and cutting arrays; no signal is looked at.

What travels are segments: stretches of consecutive frames. Each network cuts its own patches from them, so networks
with other patch lengths live on the same segments.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.errors import EmptyAudioError, InvalidFeaturesError
from shared.front_end.mel import Power, mel_power, n_frames_of, rounded
from shared.front_end.spec import FrontEnd

PATCH_FRAMES = 187  # 3 s at the default front end: what the published networks were trained on
N_PATCHES = 10  # 30 s of music, however long the track: what a 30 s clip has in all


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segments:
    """Mel power of some stretches of a track.

    Raises: InvalidFeaturesError when the parts contradict each other.
    """

    front_end: FrontEnd
    power: Power  # (sum of n_frames, bands): the segments, one after the other
    start_frames: tuple[int, ...]  # where each begins in the track
    n_frames: tuple[int, ...]  # how long each is
    track_frames: int  # of all that was decoded

    def __post_init__(self) -> None:
        expected = (sum(self.n_frames), self.front_end.n_bands)
        if self.power.shape != expected or self.power.dtype != self.front_end.transport:
            raise InvalidFeaturesError(
                f"{self.front_end.name}: mel power is {self.power.dtype}{self.power.shape}, "
                f"the segments need {self.front_end.transport}{expected}"
            )
        if not _is_power(self.power):
            raise InvalidFeaturesError(f"{self.front_end.name}: mel power has values that are negative or not finite")
        if not self.n_frames or len(self.start_frames) != len(self.n_frames) or min(self.n_frames) < 1:
            raise InvalidFeaturesError(f"{self.front_end.name}: segments {self.start_frames} of {self.n_frames} frames")
        previous_end = 0
        for start, length in zip(self.start_frames, self.n_frames, strict=True):
            if not previous_end <= start <= self.track_frames - length:
                raise InvalidFeaturesError(f"{self.front_end.name}: a segment at {start} of {length} frames overlaps")
            previous_end = start + length


def _is_power(power: Power) -> bool:
    """Whether all values are finite and not negative: read as whole numbers, such floats lie below infinity's bits."""
    bits = power.view(np.uint16 if power.dtype == np.float16 else np.uint32)
    return bool((bits < np.array(np.inf, power.dtype).view(bits.dtype)).all())


def spread_starts(n_frames: int, patch_frames: int = PATCH_FRAMES, n_patches: int = N_PATCHES) -> list[int]:
    """First frames of up to ``n_patches`` patches that do not overlap, spread evenly over the track.

    Half as much is left out before the first and after the last as between two. A track shorter than one patch has
    one, at 0.
    """
    n = max(1, min(n_patches, n_frames // patch_frames))
    slack = max(0, n_frames - n * patch_frames)
    return [i * patch_frames + slack * (2 * i + 1) // (2 * n) for i in range(n)]


def consecutive_starts(n_frames: int, patch_frames: int = PATCH_FRAMES) -> list[int]:
    """First frames of all whole patches from the track's start; a track shorter than one patch has one, at 0."""
    return list(range(0, max(1, n_frames - patch_frames + 1), patch_frames))


def merged(starts: Sequence[int], patch_frames: int) -> list[tuple[int, int]]:
    """First frame and length of the stretches that patches cover; patches that touch become one stretch."""
    stretches: list[tuple[int, int]] = []
    for start in starts:
        if stretches and sum(stretches[-1]) == start:
            first, length = stretches.pop()
            stretches.append((first, length + patch_frames))
        else:
            stretches.append((start, patch_frames))
    return stretches


def segments_of(
    samples: NDArray[np.float32],
    spec: FrontEnd,
    *,
    all_patches: bool = False,
    patch_frames: int = PATCH_FRAMES,
    n_patches: int = N_PATCHES,
) -> Segments:
    """The segments of a track that the networks shall hear.

    Args:
        samples: mono, finite, shape (n_samples,), at spec.sample_rate_hz.
        spec: the front end.
        all_patches: consecutive from the start instead of spread over the track.
        patch_frames: the longest patch of the networks that use this front end.
        n_patches: at most so many when they are spread.
    Returns: whole patches; all frames of a track that is shorter than one.
    Raises: EmptyAudioError without samples.
    """
    track_frames = n_frames_of(samples.size, spec)
    if not track_frames:
        raise EmptyAudioError("there is not one sample to analyse")
    starts = (
        consecutive_starts(track_frames, patch_frames)
        if all_patches
        else spread_starts(track_frames, patch_frames, n_patches)
    )
    stretches = merged(starts, min(patch_frames, track_frames))
    power = [rounded(mel_power(samples, spec, start, length), spec) for start, length in stretches]
    return Segments(
        front_end=spec,
        power=power[0] if len(power) == 1 else np.concatenate(power),
        start_frames=tuple(start for start, _ in stretches),
        n_frames=tuple(length for _, length in stretches),
        track_frames=track_frames,
    )


def cut(segments: Segments, patch_frames: int, hop_frames: int | None = None) -> tuple[Power, list[float]]:
    """One network's patches.

    Args:
        segments: of its front end.
        patch_frames: how many frames it hears at once.
        hop_frames: from one patch to the next inside a segment; None puts them side by side.
    Returns: the patches, shape (n, patch_frames, bands), and where each begins in the track, in seconds. A segment
        shorter than a patch is repeated until it fills one.
    """
    patches: list[Power] = []
    start_s: list[float] = []
    at = 0
    for first, length in zip(segments.start_frames, segments.n_frames, strict=True):
        frames = segments.power[at : at + length]
        at += length
        if length < patch_frames:
            frames = np.take(frames, np.arange(patch_frames) % length, axis=0)
        for start in range(0, len(frames) - patch_frames + 1, hop_frames or patch_frames):
            patches.append(frames[start : start + patch_frames])
            start_s.append((first + start) * segments.front_end.frame_s)
    return np.stack(patches), start_s
