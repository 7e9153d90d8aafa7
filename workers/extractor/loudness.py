"""Integrated loudness of a stream of blocks, as ITU-R BS.1770-5 defines it."""

from collections.abc import Sequence
from functools import lru_cache
from math import log10, pi, tan

import numpy as np
from numpy.typing import NDArray

# The analogue prototypes behind the table of coefficients that the recommendation gives for 48 kHz, so that the same
# curve comes out at every rate. Source: B. De Man, "Evaluation of implementations of the EBU R128 loudness
# measurement", AES 145, 2018; at 48 kHz they equal the table to its last digit.
_SHELF_HZ, _SHELF_GAIN_DB, _SHELF_Q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
_SHELF_MIDBAND_EXPONENT = 0.4996667741545416
_HIGH_PASS_HZ, _HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773

_HOPS_PER_S = 10
_HOPS_AT_ONCE = 16  # transforms side by side fill vector registers, and stay in the cache
_HOPS_PER_BLOCK = 4  # 400 ms, so blocks overlap by three quarters
_OFFSET_LU = -0.691
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_SURROUND_WEIGHT = 1.41


def channel_weights(names: Sequence[str]) -> tuple[float, ...]:
    """How much each channel counts: 1, but 1.41 for what comes from the side, and nothing for the effects channel.

    Args:
        names: as FFmpeg calls channels: FL, FR, FC, LFE, BL, BR, SL, SR ... In 5.1 the surround channels may be called
            back or side; where there are both, only the side ones are within 60 to 120 degrees.
    """
    surround = ("SL", "SR") if "SL" in names else ("BL", "BR")
    return tuple(0.0 if name.startswith("LFE") else _SURROUND_WEIGHT if name in surround else 1.0 for name in names)


def k_weighting(sample_rate_hz: int) -> NDArray[np.float64]:
    """The two filters of K-weighting as second-order sections, shape (2, 6): a high shelf, then a high-pass.

    Args:
        sample_rate_hz: above 3,364, twice the shelf's corner.
    """
    k = tan(pi * _SHELF_HZ / sample_rate_hz)
    high = 10.0 ** (_SHELF_GAIN_DB / 20.0)
    middle = high**_SHELF_MIDBAND_EXPONENT
    a0 = 1.0 + k / _SHELF_Q + k * k
    shelf = [
        (high + middle * k / _SHELF_Q + k * k) / a0,
        2.0 * (k * k - high) / a0,
        (high - middle * k / _SHELF_Q + k * k) / a0,
        1.0,
        2.0 * (k * k - 1.0) / a0,
        (1.0 - k / _SHELF_Q + k * k) / a0,
    ]
    k = tan(pi * _HIGH_PASS_HZ / sample_rate_hz)
    a0 = 1.0 + k / _HIGH_PASS_Q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / _HIGH_PASS_Q + k * k) / a0]
    return np.array([shelf, high_pass])


class LoudnessMeter:
    """Takes a signal block by block and keeps one number for each 100 ms of it.

    The energy behind the filters is taken from the spectrum of each 100 ms (Parseval's theorem) instead of from
    filtered samples, in half of the time. What differs is the edges: 0.002 LU on music, nothing on a constant, and
    rumble below 10 Hz that is 30 dB louder than the music around it counts too much.
    """

    def __init__(self, sample_rate_hz: int, weights: Sequence[float]) -> None:
        """Args: ``weights`` has one number for each channel, see `channel_weights`."""
        self._rate_hz = sample_rate_hz
        self._weights = np.asarray(weights, np.float64)
        self._n_hops = 0
        self._rest = np.empty((0, len(weights)), np.float32)  # of the hop that is not full yet
        self._hop_energies: list[float] = []

    def add(self, block: NDArray[np.float32]) -> None:
        """Take the next block, shape (n_frames, n_channels), finite, full scale at 1."""
        at = 0
        if len(self._rest):
            at = min(len(block), self._hop_frames() - len(self._rest))
            self._rest = np.concatenate((self._rest, block[:at]))
            if len(self._rest) < self._hop_frames():
                return
            self._add_hops(self._rest[np.newaxis])
        while (n_whole := (len(block) - at) // (n_frames := self._hop_frames())) > 0:
            n_hops = (
                min(n_whole, _HOPS_AT_ONCE) if self._rate_hz % _HOPS_PER_S == 0 else 1
            )  # else they differ in length
            end = at + n_hops * n_frames
            self._add_hops(block[at:end].reshape(n_hops, n_frames, -1))
            at = end
        self._rest = block[at:].copy()

    def integrated_lufs(self) -> float | None:
        """The gated loudness in LUFS; None for silence, and for less than one block of 400 ms."""
        hops = np.array(self._hop_energies)
        if len(hops) < _HOPS_PER_BLOCK:
            return None
        block_frames = _HOPS_PER_BLOCK * self._rate_hz / _HOPS_PER_S
        powers = np.convolve(hops, np.ones(_HOPS_PER_BLOCK), "valid") / block_frames
        powers = powers[powers > _power(_ABSOLUTE_GATE_LUFS)]
        if not powers.size:
            return None
        loud = powers[powers > powers.mean() * 10.0 ** (_RELATIVE_GATE_LU / 10.0)]
        return _OFFSET_LU + 10.0 * log10(loud.mean())

    def _hop_frames(self) -> int:
        """How long the next hop is: a frame more or less where a tenth of the rate is not a whole number."""
        hop, rate_hz = self._n_hops, self._rate_hz
        return (hop + 1) * rate_hz // _HOPS_PER_S - hop * rate_hz // _HOPS_PER_S

    def _add_hops(self, hops: NDArray[np.float32]) -> None:
        """Take hops of one length, shape (n_hops, n_frames, n_channels)."""
        import scipy.fft

        spectra = scipy.fft.rfft(hops, axis=1).view(np.float32)  # real and imaginary part side by side
        np.multiply(spectra, spectra, out=spectra)
        energies = _energy_weights(self._rate_hz, hops.shape[1]) @ spectra
        per_channel = energies.reshape(len(hops), -1, 2).sum(axis=2, dtype=np.float64)
        self._hop_energies.extend((per_channel @ self._weights).tolist())
        self._n_hops += len(hops)


@lru_cache(maxsize=8)
def _energy_weights(sample_rate_hz: int, n_frames: int) -> NDArray[np.float32]:
    """What the power in each bin of a real signal's spectrum adds to the energy behind the K-weighting."""
    from scipy.signal import freqz_sos

    hz = np.fft.rfftfreq(n_frames, 1.0 / sample_rate_hz)
    _, response = freqz_sos(k_weighting(sample_rate_hz), hz, fs=sample_rate_hz)
    sides = np.full(hz.size, 2.0)  # each bin stands for its negative frequency, too, but for 0 and half the rate
    sides[0] = 1.0
    if n_frames % 2 == 0:
        sides[-1] = 1.0
    weights: NDArray[np.float32] = (sides * np.abs(response) ** 2 / n_frames).astype(np.float32)
    weights.setflags(write=False)
    return weights


def _power(loudness_lufs: float) -> float:
    return float(10.0 ** ((loudness_lufs - _OFFSET_LU) / 10.0))
