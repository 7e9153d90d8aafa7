"""Fitting monotone maps to pairs of values, with an error that the fit has not seen."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from shared.features.calibration import MonotoneMap

Floats = npt.NDArray[np.float64]

LEAST_PAIRS: Final = 10  # fewer are anecdotes
_PAIRS_PER_KNOT = 5  # below it a knot is the noise of a few tracks
_MOST_KNOTS = 40  # a curve of one variable has no more to say
_N_FOLDS = 5
_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A map of one feature, and what it is worth on tracks that it was not fitted to."""

    map: MonotoneMap
    n_pairs: int
    error_before: float  # mean absolute error of our values
    error_after: float  # of mapped ones, each by a map fitted to the other four fifths
    error_of_the_mean: float  # of their mean for every track, in the same way: a map must be better to say anything
    rank_correlation: float  # Spearman's, which no monotone map changes; NaN when one side is all alike

    @property
    def helps(self) -> bool:
        """Whether mapped values are nearer to theirs than ours are."""
        return self.error_after < self.error_before


def monotone_map(ours: Floats, theirs: Floats) -> MonotoneMap:
    """Fit an isotonic regression on means of neighbours, so that it is a curve and not stairs.

    Args:
        ours: shape (n_pairs,), in [0, 1]; at least one.
        theirs: the same tracks' values in [0, 1], in the same order.
    """
    from scipy.optimize import isotonic_regression  # half a second that other commands need not spend

    order = np.argsort(ours, kind="stable")
    n_groups = int(np.clip(ours.size // _PAIRS_PER_KNOT, 1, _MOST_KNOTS))
    groups = np.array_split(order, n_groups)
    centres = np.array([ours[group].mean() for group in groups]).round(_DIGITS)
    xs, group_of = np.unique(centres, return_inverse=True)  # many tracks may have the same value
    sizes = np.array([group.size for group in groups], np.float64)
    weights = np.bincount(group_of, sizes)
    means = np.bincount(group_of, sizes * [theirs[group].mean() for group in groups]) / weights
    ys = isotonic_regression(means, weights=weights).x.round(_DIGITS)
    needed = [0, *(i for i in range(1, xs.size - 1) if not ys[i - 1] == ys[i] == ys[i + 1]), xs.size - 1]
    return MonotoneMap(knots=tuple((float(xs[i]), float(ys[i])) for i in dict.fromkeys(needed)))


def fit(ours: npt.ArrayLike, theirs: npt.ArrayLike) -> Fit:
    """Fit a map and measure it by five-fold cross-validation, the folds drawn with a fixed seed.

    Args:
        ours: shape (n_pairs,), in [0, 1]; at least LEAST_PAIRS.
        theirs: the same tracks' values in [0, 1], in the same order.
    """
    x, y = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    mapped, mean = np.empty_like(y), np.empty_like(y)
    for held_out in np.array_split(np.random.default_rng(0).permutation(x.size), _N_FOLDS):
        seen = np.setdiff1d(np.arange(x.size), held_out)
        curve = monotone_map(x[seen], y[seen])
        mapped[held_out] = [curve(value) for value in x[held_out]]
        mean[held_out] = y[seen].mean()
    from scipy.stats import rankdata  # as above

    return Fit(
        map=monotone_map(x, y),
        n_pairs=x.size,
        error_before=float(np.abs(x - y).mean()),
        error_after=float(np.abs(mapped - y).mean()),
        error_of_the_mean=float(np.abs(mean - y).mean()),
        rank_correlation=_correlation(rankdata(x), rankdata(y)),
    )


def _correlation(x: Floats, y: Floats) -> float:
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / scale if scale > 0.0 else float("nan")
