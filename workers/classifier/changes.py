"""Whether a track goes from one genre to another: judged by what the parts would be called if they were tracks.

The track is cut into two or three runs of neighbouring patches, at tenths of its length and each at least three tenths
long. Patches of a run are averaged before anything is decided, as those of a track are: single patches of 3 s differ by
what plays in them (a solo, a fill), and often by nothing but the models' noise. A track changes where every two
neighbouring runs have different first genres, each probable enough to be said at all and each clearly ahead of the
other's. Pure numpy.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# Eight ways to cut are few enough not to find by chance what is not there, and independent of how long the track is.
N_TENTHS = 10
FAIR_TENTHS = 3  # less is an intro, a bridge or a coda
FEWEST_PATCHES = 2  # a run of one would be judged by 3 s
# Odds between the two first genres; smaller ones are "not worth more than a bare mention" (Kass & Raftery, Journal of
# the American Statistical Association 90, 1995).
CLEAR_ODDS = 3.0


def runs(n_patches: int) -> Iterator[tuple[slice, ...]]:
    """Every way to cut ``n_patches`` patches into two or three fair runs; none for a track that is too short."""
    # Tenths of a short track may coincide.
    cuts = {tuple(round(n_patches * edge / N_TENTHS) for edge in np.cumsum([0, *tenths])) for tenths in _lengths()}
    for edges in sorted(cuts):
        if min(end - start for start, end in pairwise(edges)) >= FEWEST_PATCHES:
            yield tuple(slice(start, end) for start, end in pairwise(edges))


def all_differ(distributions: Floats, lowest: float) -> bool:
    """Whether every run, (n_runs, n_genres) probabilities in order of time, clearly is of another genre than the next.

    Args:
        distributions: rows that sum to one.
        lowest: a first genre less probable than this is none.
    """
    leaders = distributions.argmax(axis=1)
    if (distributions.max(axis=1) < lowest).any():
        return False
    return all(
        distributions[i, leaders[i]] >= CLEAR_ODDS * distributions[i, leaders[j]]
        and distributions[j, leaders[j]] >= CLEAR_ODDS * distributions[j, leaders[i]]
        for i, j in pairwise(range(len(leaders)))
    )


def _lengths() -> Iterator[tuple[int, ...]]:
    for first in range(FAIR_TENTHS, N_TENTHS - FAIR_TENTHS + 1):
        yield first, N_TENTHS - first
        for second in range(FAIR_TENTHS, N_TENTHS - first - FAIR_TENTHS + 1):
            yield first, second, N_TENTHS - first - second
