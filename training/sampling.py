"""In which order an epoch visits tracks. A function of seed and epoch alone, so that a killed run finds it again."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Indices: TypeAlias = NDArray[np.intp]
Targets: TypeAlias = NDArray[np.float32]

SAMPLES_A_DRAW: Final = 3
_EPOCH_PART: Final = 4  # an epoch is the most frequent tag's tracks, times the tags, divided by this


class Sampling(StrEnum):
    """How tracks are chosen."""

    STANDARD = "standard"
    CLASS_AWARE = "class-aware"


def epoch_order(sampling: Sampling, targets: Targets, seed: Sequence[int]) -> Indices:
    """The tracks of one epoch in their order.

    Args:
        sampling: every track once; or tags in turn, three tracks of each (Shen et al., ECCV 2016; with the numbers of
            USC-SAIL), so that rare tags come as often as frequent ones.
        targets: (n_tracks, n_tags) of 0 and 1.
        seed: of run and epoch.
    """
    rng = np.random.default_rng(seed)
    if sampling is Sampling.STANDARD:
        return rng.permutation(len(targets))
    counts = targets.sum(axis=0)
    n = int(counts.max(initial=0) * targets.shape[1] / _EPOCH_PART)
    cycles = {int(tag): _Cycle(np.flatnonzero(targets[:, tag]), rng) for tag in np.flatnonzero(counts)}
    tags = _Cycle(np.flatnonzero(counts), rng)
    draws = (cycles[tags.next()] for _ in range(-(-n // SAMPLES_A_DRAW)))
    return np.array([cycle.next() for cycle in draws for _ in range(SAMPLES_A_DRAW)][:n], np.intp)


class _Cycle:
    """Goes round and round, in a new order each time."""

    def __init__(self, values: Indices, rng: np.random.Generator) -> None:
        self._values, self._rng, self._at = values, rng, len(values)

    def next(self) -> int:
        if self._at == len(self._values):
            self._values, self._at = self._rng.permutation(self._values), 0
        self._at += 1
        return int(self._values[self._at - 1])
