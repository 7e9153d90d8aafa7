"""Calibration of a member: two numbers that bring its probabilities nearer to how often it is right.

Losses that do not mean probabilities (focal and its kin) give answers that are sharper or duller than the truth. Platt
scaling of logits, z' = a z + b with a > 0, keeps the order of each tag's patches, and goes into the last layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_TINY = 1e-7
_LARGEST_SLOPE = 20.0


@dataclass(frozen=True, slots=True)
class Platt:
    """σ(slope z + offset)."""

    slope: float = 1.0
    offset: float = 0.0

    def of(self, logits: Floats) -> Floats:
        """Calibrated probabilities."""
        z = self.slope * logits + self.offset
        return np.asarray(0.5 * (1 + np.tanh(z / 2)), np.float64)


def platt(patch_logits: Sequence[NDArray[np.float32]], targets: NDArray[np.float32]) -> Platt:
    """Fit on validation tracks: least binary cross entropy of the mean of a track's calibrated patches.

    Args:
        patch_logits: by track, (n_patches, n_tags).
        targets: (n_tracks, n_tags).
    Source: Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
    """
    from scipy.optimize import minimize

    flat = np.concatenate(patch_logits).astype(np.float64)
    starts = np.cumsum([0, *(len(part) for part in patch_logits)])[:-1]
    n_patches = np.array([len(part) for part in patch_logits])[:, None]

    def cost(values: Floats) -> float:
        p = np.add.reduceat(Platt(float(np.exp(values[0])), float(values[1])).of(flat), starts, axis=0) / n_patches
        p = np.clip(p, _TINY, 1 - _TINY)
        return float(-(targets * np.log(p) + (1 - targets) * np.log1p(-p)).mean())

    limit = float(np.log(_LARGEST_SLOPE))
    found = minimize(cost, np.zeros(2), method="L-BFGS-B", bounds=[(-limit, limit), (-20.0, 20.0)])
    return Platt(float(np.exp(found.x[0])), float(found.x[1]))


def calibration_error(truth: NDArray[np.float32], said: Floats, n_bins: int = 15) -> float:
    """Expected calibration error over all pairs of track and tag: |share that is true - mean probability|, by bin.

    Source: Naeini et al., AAAI 2015; bins of equal width.
    """
    bins = np.minimum((said.ravel() * n_bins).astype(int), n_bins - 1)
    n = np.bincount(bins, minlength=n_bins)
    apart = np.bincount(bins, truth.ravel() - said.ravel(), minlength=n_bins)
    return float(np.abs(apart).sum() / n.sum())
