"""Whether one answer is better than another on the same tracks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shared.evaluation.genre_scores import Interval


def balanced_gain(
    truth: Sequence[str],
    right_before: Sequence[bool],
    right_after: Sequence[bool],
    groups: Sequence[str],
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, Interval]:
    """By how much balanced accuracy grows, with a 95 % interval from resampling groups.

    Args:
        truth: of each track.
        right_before: whether the one answer is right.
        right_after: whether the other is.
        groups: of each track, what it shares with others: tracks of one group succeed and fail together.
        n_resamples: of the bootstrap.
        seed: of the resampling.
    """
    gains = np.asarray(right_after, np.float64) - np.asarray(right_before, np.float64)
    genre = np.unique(list(truth), return_inverse=True)[1]
    group = np.unique(list(groups), return_inverse=True)[1]
    members = [np.flatnonzero(group == number) for number in range(group.max() + 1)]
    rng = np.random.default_rng(seed)
    drawn = [
        np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))]) for _ in range(n_resamples)
    ]
    found = [_balanced(gains[rows], genre[rows]) for rows in drawn]
    low, high = np.quantile(found, [0.025, 0.975])
    return _balanced(gains, genre), Interval(low=float(low), high=float(high))


def _balanced(gains: NDArray[np.float64], genre: NDArray[np.int64]) -> float:
    counts = np.bincount(genre)
    sums = np.bincount(genre, weights=gains)
    return float((sums[counts > 0] / counts[counts > 0]).mean())
