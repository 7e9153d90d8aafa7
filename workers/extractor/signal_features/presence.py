"""What is measured where no features are wanted: whether anything sounds, and whether it is speech.

A label must stay `unsure` for either. The level and the pauses take half a millisecond; all that tells speech from
music is measured only where there are as many pauses as speech has, which of 32 clips of music one has.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from shared.features import Presence, spoken_in_signal
from workers.extractor.signal_features.excerpt import signal_features
from workers.extractor.signal_features.onsets import HOP

_PAUSES_OF_SPEECH: Final = 0.1  # of all frames; with fewer `spoken_in_signal` is 0 (read words have 0.3)
_PAUSE_POWER: Final = 0.01  # of the mean: 20 dB below it
_SILENCE_DB: Final = -200.0  # for no power at all


def presence(excerpt_16k: npt.NDArray[np.float32]) -> Presence:
    """Listen to one excerpt: mono, finite, at 16 kHz, shape (n_samples,), full scale at 1."""
    n_frames = excerpt_16k.size // HOP
    frames = excerpt_16k[: n_frames * HOP].reshape(n_frames, HOP)
    power = np.einsum("ft,ft->f", frames, frames) / HOP
    mean = float(power.mean()) if n_frames else 0.0
    if mean <= 0.0:
        return Presence(level_db=_SILENCE_DB, spoken=0.0)
    smooth = np.convolve(power, np.ones(3) / 3, "same")  # about the window in which `timbre` looks for pauses
    level_db = 10.0 * math.log10(mean)
    if float((smooth < mean * _PAUSE_POWER).mean()) < _PAUSES_OF_SPEECH:
        return Presence(level_db=level_db, spoken=0.0)
    return Presence(level_db=level_db, spoken=spoken_in_signal(signal_features(excerpt_16k, level_db)))
