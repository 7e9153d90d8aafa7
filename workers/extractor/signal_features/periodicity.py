"""Autocorrelation of the onset curves: how much each curve agrees with itself a given time later."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy.ndimage import uniform_filter1d

from workers.extractor.signal_features.frames import Array
from workers.extractor.signal_features.onsets import FRAME_RATE_HZ, OnsetCurves

Floats = npt.NDArray[np.float64]

_TREND_S = 1.0  # slower changes than this (a swell, a fade) are no rhythm
_LEAST_OVERLAP = 0.25  # of the excerpt: lags that compare less of it are statistics of a few notes
# A player's tempo drifts and lags fall between frames: a peak counts wherever it lies within 1.5 % of the lag asked
# for.
_TOLERANCE = (-0.015, 0.0, 0.015)


@dataclass(frozen=True, slots=True)
class Periodicity:
    """Normalised autocorrelations: 1 at lag 0, 0 for what never recurs."""

    onsets: Array  # (n_lags,): mean of the four bands
    cymbals: Array  # (n_lags,): the highest band alone
    amplitude: Array  # (n_lags,): all bands, accents kept
    harmony: Array  # (n_lags,)

    @property
    def longest_lag_s(self) -> float:
        """The longest lag that compares enough of the excerpt with itself."""
        return (len(self.onsets) - 2) / FRAME_RATE_HZ


def periodicity(curves: OnsetCurves) -> Periodicity:
    """Return the autocorrelations of an excerpt's onset curves, up to three quarters of its length."""
    rows = np.vstack([curves.bands, curves.amplitude, curves.harmony])
    n_frames = rows.shape[1]
    n_lags = max(2, int(n_frames * (1.0 - _LEAST_OVERLAP)))
    flat = rows - uniform_filter1d(rows, round(_TREND_S * FRAME_RATE_HZ), axis=1, mode="nearest")
    spectrum = scipy.fft.rfft(flat, scipy.fft.next_fast_len(2 * n_frames, real=True), axis=1)
    raw = scipy.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :n_lags]
    raw = np.pad(raw, ((0, 0), (0, max(0, n_lags - raw.shape[1])))) / (n_frames - np.arange(n_lags)).clip(1)
    energy = raw[:, :1]
    normalised = np.where(energy > 1e-9, raw / np.maximum(energy, 1e-9), 0.0).astype(np.float32)
    *bands, amplitude, harmony = normalised
    return Periodicity(onsets=np.mean(bands, axis=0), cymbals=bands[-1], amplitude=amplitude, harmony=harmony)


def near(autocorrelation: Array, lags_s: Floats) -> Floats:
    """Return the highest autocorrelation within 1.5 % of each lag; lags_s of any shape, in seconds."""
    frames = np.arange(len(autocorrelation))
    lags = lags_s * FRAME_RATE_HZ
    return np.asarray(
        np.max([np.interp(lags * (1.0 + shift), frames, autocorrelation) for shift in _TOLERANCE], axis=0)
    )


def reachable(lags_s: Floats, rhythm: Periodicity) -> Floats:
    """Return lags_s, halved until the excerpt is long enough to show them: a level below stands in for the level."""
    excess = np.log2(np.maximum(lags_s / max(rhythm.longest_lag_s, 1e-3), 1.0))
    return lags_s / np.exp2(np.ceil(excess))
