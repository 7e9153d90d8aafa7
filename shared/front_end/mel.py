"""Mel power of chosen frames of a signal, its rounding for transport, and its compression for a network."""

from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from shared.front_end.spec import LOWEST_DB_POWER, FrontEnd

_BLOCK_FRAMES = (
    128  # a block's spectra stay in the second-level cache: 64 to 256 are alike, all at once is half as fast
)
_LARGEST_FLOAT16 = 65_504.0
_SMALLEST_NORMAL_FLOAT16 = 2.0**-14
# The exponent's bias falls from 127 to 15; of the significand 13 bits go, and half of their range rounds. Modulo 2**32.
_REBIAS_AND_ROUND = np.uint32((0xFFF - (112 << 23)) % 2**32)

Power: TypeAlias = NDArray[np.floating[Any]]  # float16 or float32, as the front end says


def n_frames_of(n_samples: int, spec: FrontEnd) -> int:
    """How many frames a signal has: a frame is centred on every hop, the first on sample 0; none without samples."""
    return 1 + n_samples // spec.hop_length if n_samples else 0


def mel_power(samples: NDArray[np.float32], spec: FrontEnd, first_frame: int, n_frames: int) -> NDArray[np.float32]:
    """Some frames of the signal's mel power spectrogram, computed without the others.

    Args:
        samples: the whole signal, mono, finite, shape (n_samples,), at spec.sample_rate_hz.
        spec: the front end.
        first_frame: the first frame wanted, from 0.
        n_frames: how many; they may reach beyond the signal, where samples are 0.
    Returns: shape (n_frames, spec.n_bands), linear power.
    Source: librosa.feature.melspectrogram, which this equals to 1e-5 of the loudest value.
    """
    import scipy.fft

    window, doubled_bank = hann_window(spec), _doubled_bank(spec)
    frames = sliding_window_view(_covered(samples, spec, first_frame, n_frames), spec.n_fft)[:: spec.hop_length]
    power = np.empty((n_frames, spec.n_bands), np.float32)
    for start in range(0, n_frames, _BLOCK_FRAMES):
        block = frames[start : start + _BLOCK_FRAMES]
        spectra = scipy.fft.rfft(block * window, axis=1, overwrite_x=True)
        parts = spectra.view(np.float32)  # real and imaginary part side by side; each has its row in the doubled bank
        np.multiply(parts, parts, out=parts)
        np.matmul(parts, doubled_bank, out=power[start : start + len(block)])
    return power


def band_centres_hz(spec: FrontEnd) -> NDArray[np.float64]:
    """The frequency in the middle of each mel band, shape (n_bands,), for whoever draws them."""
    import librosa

    edges_hz = librosa.mel_frequencies(spec.n_bands + 2, fmin=0.0, fmax=spec.sample_rate_hz / 2)
    return np.asarray(edges_hz[1:-1], np.float64)


def rounded(power: NDArray[np.float32], spec: FrontEnd) -> Power:
    """Mel power in the dtype that it travels in, clamped to what that can hold.

    Args:
        power: finite, not negative.
        spec: says the dtype.
    """
    return _float16(power) if spec.transport == "float16" else power.astype(np.float32, copy=False)


def compressed(power: Power, spec: FrontEnd) -> NDArray[np.float32]:
    """What a network sees: ``log10(10,000 power + 1)``, or decibels below a power of 1.

    Args:
        power: as `rounded` gives it, any shape.
        spec: says which.
    """
    # Always in float32: in float16 the product is infinite above a power of 6.5.
    values = power.astype(np.float32)
    if spec.compression == "db":
        np.maximum(values, np.float32(LOWEST_DB_POWER), out=values)
        np.log10(values, out=values)
        values *= np.float32(10.0)
        return values
    values *= np.float32(10_000.0)
    values += np.float32(1.0)
    np.log10(values, out=values)
    return values


def _float16(power: NDArray[np.float32]) -> NDArray[np.float16]:
    """Round half to even, bit for bit as NumPy's cast, which takes 35 times as long for the powers of quiet music."""
    clamped = np.minimum(power, np.float32(_LARGEST_FLOAT16))
    bits = clamped.view(np.uint32)
    normal = (bits + _REBIAS_AND_ROUND + ((bits >> 13) & 1)) >> 13
    # Between 0.5 and 1, float32 counts in steps of 2**-24, as float16 does below its normal range: the adder rounds.
    tiny = (clamped + np.float32(0.5)).view(np.uint32) - np.float32(0.5).view(np.uint32)
    return np.where(clamped < _SMALLEST_NORMAL_FLOAT16, tiny, normal).astype(np.uint16).view(np.float16)


def _covered(samples: NDArray[np.float32], spec: FrontEnd, first_frame: int, n_frames: int) -> NDArray[np.float32]:
    """The samples that the frames look at, with zeros where there is no signal; a view where there is."""
    start = first_frame * spec.hop_length - spec.n_fft // 2
    end = start + (max(n_frames, 1) - 1) * spec.hop_length + spec.n_fft
    inside = samples[max(start, 0) : max(min(end, samples.size), 0)].astype(np.float32, copy=False)
    if inside.size == end - start:
        return inside
    covered = np.zeros(end - start, np.float32)
    at = max(-start, 0)
    covered[at : at + inside.size] = inside
    return covered


@lru_cache(maxsize=8)
def hann_window(spec: FrontEnd) -> NDArray[np.float32]:
    """The periodic Hann window, shape (n_fft,)."""
    turns = np.arange(spec.n_fft) / spec.n_fft
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * turns)).astype(np.float32)
    window.setflags(write=False)
    return window


def mel_bank(spec: FrontEnd) -> NDArray[np.float32]:
    """The mel filters, shape (1 + n_fft / 2, n_bands)."""
    import librosa

    bank = librosa.filters.mel(sr=spec.sample_rate_hz, n_fft=spec.n_fft, n_mels=spec.n_bands, dtype=np.float32)
    return np.asarray(bank.T, np.float32)


@lru_cache(maxsize=8)
def _doubled_bank(spec: FrontEnd) -> NDArray[np.float32]:
    """The mel filters, shape (2 + n_fft, n_bands): every frequency twice, for the squares of its two parts."""
    doubled: NDArray[np.float32] = np.ascontiguousarray(np.repeat(mel_bank(spec), 2, axis=0))
    doubled.setflags(write=False)
    return doubled
