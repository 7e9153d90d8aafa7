"""Short-time spectra, shared by all signal features.

Two rates, for two questions. *When* something starts is asked at the 16 kHz of the excerpt, in short windows. *What* sounds is
asked at 4 kHz, in long windows: the strongest partials of key and harmony lie below 1.4 kHz, and there the long windows cost
a quarter.
"""

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.signal

Samples = npt.NDArray[np.float32]
Array = npt.NDArray[np.float32]

SAMPLE_RATE_HZ = 16_000
LOW_RATE_HZ = 4_000
_DECIMATION = SAMPLE_RATE_HZ // LOW_RATE_HZ

# 49 taps: flat within 0.1 dB up to 1.3 kHz; what folds down to below 1.4 kHz (from above 2.6 kHz) is 60 dB down.
_LOW_PASS = scipy.signal.firwin(49, 1_900, fs=SAMPLE_RATE_HZ, window=("kaiser", 6.0)).astype(np.float32)


def finite_mono(samples: npt.ArrayLike) -> Samples:
    """Return samples as finite float32, shape (n_samples,): NaN and infinities become silence, channels are averaged.

    Args:
        samples: mono PCM of shape (n_samples,), or (n_samples, n_channels).
    """
    array = np.atleast_1d(np.asarray(samples, dtype=np.float32))
    if not np.isfinite(array).all():
        array = np.where(np.isfinite(array), array, np.float32(0.0))
    if array.ndim > 1:
        array = array.mean(axis=1, dtype=np.float32)
    return array


def low_rate(samples: Samples) -> Samples:
    """Return the samples at 4 kHz, low-passed, shape (about n_samples / 4,)."""
    if samples.size == 0:
        return samples
    decimated: Samples = scipy.signal.upfirdn(_LOW_PASS, samples, 1, _DECIMATION)
    delay = (_LOW_PASS.size - 1) // 2 // _DECIMATION
    return decimated[delay : delay + -(-samples.size // _DECIMATION)]


def power_spectra(samples: Samples, n_fft: int, hop: int) -> Array:
    """Return |STFT|^2 of Hann windows centred on every ``hop``-th sample.

    Args:
        samples: mono, shape (n_samples,), at any rate.
        n_fft: window and transform length in samples; even.
        hop: distance of two frames in samples.

    Returns:
        Shape (1 + n_samples // hop, n_fft // 2 + 1); the ends are padded with silence.
    """
    padded = np.pad(samples, n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    window = scipy.signal.get_window("hann", n_fft).astype(np.float32)
    spectra = scipy.fft.rfft(frames * window, axis=1)
    return np.square(spectra.real) + np.square(spectra.imag)
