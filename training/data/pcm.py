"""Decoded audio as shards keep it: 16-bit samples with a scale, half the size of what was decoded.

Rounding is 98 dB below the loudest sample of a track whose peak is at full scale or above it; lower peaks are scaled to
full scale first.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ: Final = 16_000
BYTES_PER_SAMPLE: Final = 2
_FULL_SCALE: Final = 32_767


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreparedAudio:
    """One decoded track."""

    samples: NDArray[np.int16]  # mono at SAMPLE_RATE_HZ, shape (n_samples,)
    scale: float  # what a sample is multiplied by
    content_hash: str  # sha256 of the file


def quantised(samples: NDArray[np.float32], content_hash: str) -> PreparedAudio:
    """Round samples (finite, mono, shape (n_samples,)) to 16 bits of the track's own peak."""
    peak = float(np.abs(samples).max(initial=0.0))
    scale = (peak or 1.0) / _FULL_SCALE
    return PreparedAudio(
        samples=np.rint(samples / np.float32(scale)).astype(np.int16), scale=scale, content_hash=content_hash
    )
