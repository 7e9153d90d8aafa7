"""Integrated loudness of a stream of blocks, as ITU-R BS.1770-5 defines it."""

from collections.abc import Sequence
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
    """Takes a signal block by block and keeps one number for each 100 ms of it."""

    def __init__(self, sample_rate_hz: int, weights: Sequence[float]) -> None:
        """Args: ``weights`` has one number for each channel, see `channel_weights`."""
        self._rate_hz = sample_rate_hz
        self._weights = np.asarray(weights, np.float64)
        self._filters = k_weighting(sample_rate_hz)
        # float64: the poles of the high-pass nearly touch the unit circle, where float32 is mostly rounding.
        self._filter_states = np.zeros((2, len(weights), 2))
        self._n_frames = 0
        self._hop_energies: list[float] = []
        self._open_energy = 0.0  # of the hop that is not full yet

    def add(self, block: NDArray[np.float32]) -> None:
        """Take the next block, shape (n_frames, n_channels), finite, full scale at 1."""
        from scipy.signal import sosfilt

        if not len(block):
            return
        channels = np.ascontiguousarray(block.T, np.float64)
        weighted, self._filter_states = sosfilt(self._filters, channels, axis=1, zi=self._filter_states)
        np.multiply(weighted, weighted, out=weighted)
        self._add_energies(self._weights @ weighted)

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

    def _add_energies(self, energies: NDArray[np.float64]) -> None:
        """Sum energies of frames, shape (n_frames,), into hops; hops may end between two frames (at 11,025 Hz)."""
        first = self._n_frames
        self._n_frames += energies.size
        hop = len(self._hop_energies)
        ends: list[int] = []
        while (end := (hop + len(ends) + 1) * self._rate_hz // _HOPS_PER_S) <= self._n_frames:
            ends.append(end - first)
        sums = np.add.reduceat(energies, [0, *(end for end in ends if end < energies.size)])
        sums[0] += self._open_energy
        self._hop_energies.extend(sums[: len(ends)].tolist())
        self._open_energy = float(sums[-1]) if len(sums) > len(ends) else 0.0


def _power(loudness_lufs: float) -> float:
    return float(10.0 ** ((loudness_lufs - _OFFSET_LU) / 10.0))
