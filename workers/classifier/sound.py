"""Whether there is anything in the sound that could be music: silence, noise, a hum and a tone stay as they are.

Taggers were never shown such sounds and call them electronic, ambient or metal with some confidence, so they are told
apart by what is heard rather than by what is said of it.
"""

import numpy as np
from numpy.typing import ArrayLike

WINDOW_S = 0.2  # about a note: long enough to average a noise's flicker away, short enough to keep a beat
FAINT_DB = 40.0  # bands this far below the loudest are background, whose flicker says nothing
LOWEST_POWER = 1e-7  # about float16's smallest number, in which mel power travels


def variation_db(power: ArrayLike, frame_s: float) -> float | None:
    """How much the spectrum moves: the standard deviation over time of each band's level, averaged over loud bands.

    Args:
        power: mel power, shape (n_frames, n_bands).
        frame_s: seconds from one frame to the next.
    Returns: in dB; 0 for silence, about 1 for steady noise, 3 to 15 for music. None for less than three windows.
    """
    frames = np.asarray(power, dtype=np.float64)
    window = max(1, round(WINDOW_S / frame_s))
    n_windows = len(frames) // window
    if n_windows < 3:
        return None
    means = frames[: n_windows * window].reshape(n_windows, window, -1).mean(axis=1)
    levels = 10.0 * np.log10(means + LOWEST_POWER)
    typical = levels.mean(axis=0)
    return float(levels.std(axis=0)[typical >= typical.max() - FAINT_DB].mean())
