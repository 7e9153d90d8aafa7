"""One bit for each track and property: counting how many of some tracks have each is an AND and a population count."""

import numpy as np
from numpy.typing import NDArray

_BITS = 64


class Bitmaps:
    """A row of bits for each property, a column for each slot; both grow."""

    def __init__(self, n_rows: int, n_slots: int) -> None:
        """``n_slots`` is a multiple of 64."""
        self._bits = np.zeros((n_rows, n_slots // 8), np.uint8)

    def put(self, slot: int, rows: NDArray[np.integer] | list[int]) -> None:
        """Let a slot have these properties and no others."""
        byte, bit = self._bits[:, slot // 8], np.uint8(1 << slot % 8)
        byte &= ~bit
        byte[rows] |= bit

    def counts(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many of the slots of ``mask`` have each property; shape (n_rows,)."""
        n_words = -(-mask.size // _BITS)
        asked = np.zeros(n_words * _BITS // 8, np.uint8)
        packed = np.packbits(mask, bitorder="little")
        asked[: packed.size] = packed
        found = self._bits.view(np.uint64)[:, :n_words] & asked.view(np.uint64)
        counts: NDArray[np.int64] = np.bitwise_count(found).sum(axis=1, dtype=np.int64)
        return counts

    def grow(self, n_rows: int, n_slots: int) -> None:
        """Have room for as many."""
        if n_rows <= self._bits.shape[0] and n_slots // 8 <= self._bits.shape[1]:
            return
        more = np.zeros((max(n_rows, self._bits.shape[0]), max(n_slots // 8, self._bits.shape[1])), np.uint8)
        more[: self._bits.shape[0], : self._bits.shape[1]] = self._bits
        self._bits = more
