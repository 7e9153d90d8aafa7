"""Counting by bits against counting."""

import numpy as np

from workers.catalog.bitmaps import Bitmaps


def test_counts_are_those_of_the_plain_table_whatever_came_before_and_however_it_grew() -> None:
    rng = np.random.default_rng(0)
    bitmaps, plain = Bitmaps(3, 64), np.zeros((5, 200), np.bool_)
    for slot in rng.integers(0, 60, 200).tolist():
        rows = np.flatnonzero(rng.random(3) < 0.5)
        bitmaps.put(slot, rows)
        plain[:, slot] = np.isin(np.arange(5), rows)
    bitmaps.grow(5, 0)
    bitmaps.grow(0, 256)
    for slot in rng.integers(0, 200, 300).tolist():
        rows = np.flatnonzero(rng.random(5) < 0.5)
        bitmaps.put(slot, rows)
        plain[:, slot] = np.isin(np.arange(5), rows)

    for n in (0, 1, 63, 64, 65, 200):
        mask = rng.random(n) < 0.4
        assert bitmaps.counts(mask).tolist() == (plain[:, :n] & mask).sum(axis=1).tolist()
