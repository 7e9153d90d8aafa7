"""Short-time spectra, shared by all signal features.

Two rates, for two questions. *When* something starts is asked at the 16 kHz of the excerpt, in short windows. *What*
sounds is asked at 4 kHz, in long windows: the strongest partials of key and harmony lie below 1.4 kHz, and there the
long windows cost a quarter.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.signal

Samples = npt.NDArray[np.float32]
Array = npt.NDArray[np.float32]

SAMPLE_RATE_HZ = 16_000
LOW_RATE_HZ = 4_000
_DECIMATION = SAMPLE_RATE_HZ // LOW_RATE_HZ

_SILENCE = 1e-4  # -80 dBFS: whose peak is lower is dither, not music

_CHUNK_SAMPLES = 32_768  # transformed at once: all that is made of them stays in a core's cache

# 49 taps: flat within 0.1 dB up to 1.3 kHz; what folds down to below 1.4 kHz (from above 2.6 kHz) is 60 dB down.
_LOW_PASS = scipy.signal.firwin(49, 1_900, fs=SAMPLE_RATE_HZ, window=("kaiser", 6.0)).astype(np.float32)


def centred(samples: npt.ArrayLike) -> Samples:
    """Return samples as float32 without offset, their peak at 1; all zeros for silence; at least one sample.

    So gain has no influence on anything that follows. NaN and infinities count as silence.

    Args:
        samples: mono PCM, full scale at 1, shape (n_samples,).
    """
    with np.errstate(over="ignore"):  # float64 beyond float32 becomes infinite, and is dealt with below
        array = np.asarray(samples, dtype=np.float32).ravel()
    if array.size == 0:
        return np.zeros(1, np.float32)
    if not np.isfinite(array).all():
        array = np.where(np.isfinite(array), array, np.float32(0.0))
    # Halved first: the distance of two finite numbers may not be finite.
    array = array * np.float32(0.5) - np.float32(0.5 * array.mean(dtype=np.float64))
    peak = max(float(array.max()), -float(array.min()))
    if 2.0 * peak < _SILENCE:
        return np.zeros_like(array)
    array /= np.float32(peak)
    return array


def low_rate(samples: Samples) -> Samples:
    """Return the samples at 4 kHz, low-passed, shape (about n_samples / 4,)."""
    if samples.size == 0:
        return samples
    decimated: Samples = scipy.signal.upfirdn(_LOW_PASS, samples, 1, _DECIMATION)
    delay = (_LOW_PASS.size - 1) // 2 // _DECIMATION
    return decimated[delay : delay + -(-samples.size // _DECIMATION)]


def power_chunks(samples: Samples, n_fft: int, hop: int) -> Iterator[Array]:
    """Yield |STFT|^2 of Hann windows centred on every ``hop``-th sample, some frames at a time.

    Args:
        samples: mono, shape (n_samples,), at any rate.
        n_fft: window and transform length in samples; even.
        hop: distance of two frames in samples.

    Yields:
        Shape (n_some_frames, n_fft // 2 + 1); together 1 + n_samples // hop frames, the ends padded with silence.
    """
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, n_fft // 2), n_fft)[::hop]
    window = scipy.signal.get_window("hann", n_fft).astype(np.float32)
    step = max(1, _CHUNK_SAMPLES // n_fft)
    for first in range(0, len(frames), step):
        spectra = scipy.fft.rfft(frames[first : first + step] * window, axis=1)
        yield np.square(spectra.real) + np.square(spectra.imag)
