"""What networks hear, as vectors that fit into memory by the hundred thousand.

A label's embedding is as wide as its network's layer, 200 to 2,000 numbers. More than WIDTH of them are projected on
WIDTH directions of random signs, which keeps cosines to about 1 / sqrt(WIDTH) [1]; the signs come from a hash, so that
every replica and every version has the same ones.

Embeddings compare by the cosine of what is left after subtracting the mean of the catalogue [2]: networks' units are
never negative, so that without it everything is alike. Only those of one ensemble compare.

[1] D. Achlioptas, J. Comput. Syst. Sci. 66, 2003. [2] J. Mu and P. Viswanath, ICLR 2018 (their first step).
"""

import base64
import binascii
from functools import cache
from hashlib import shake_256
from typing import Final

import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 128
_FIRST: Final = 1024
# Wider than any network's layer: a label is not ours to trust.
_WIDEST: Final = 8192

Vector = NDArray[np.float16]
Scores = NDArray[np.float32]


def compact(embedding: str | None) -> Vector | None:
    """The vector of a label's embedding, shape (WIDTH,), None when there is none or it is no such thing."""
    try:
        values = np.frombuffer(base64.b64decode(embedding or "", validate=True), "<f2").astype(np.float32)
    except (binascii.Error, ValueError):
        return None
    if not 0 < values.size <= _WIDEST or not np.isfinite(values).all():
        return None
    if values.size <= WIDTH:
        projected = np.pad(values, (0, WIDTH - values.size))
    else:
        projected = _signs(values.size) @ values / np.float32(WIDTH**0.5)
    largest = float(np.abs(projected).max())
    # Only directions count; so scaled, float16 holds them.
    return (projected / largest).astype(np.float16) if largest > 0 else None


@cache
def _signs(width: int) -> NDArray[np.float32]:
    bits = np.unpackbits(np.frombuffer(shake_256(f"needledrop {width}".encode()).digest(WIDTH * width // 8), np.uint8))
    return (bits.reshape(WIDTH, width) * np.float32(2) - 1).astype(np.float32)


class Embeddings:
    """A vector for each slot that has one, with the ensemble it is of. No memory until there is one."""

    def __init__(self) -> None:
        self._vectors = np.zeros((0, WIDTH), np.float32)
        self._kinds = np.full(0, -1, np.int16)
        self._kind_of: dict[str, int] = {}
        self._sums: list[NDArray[np.float64]] = []
        self._counts: list[int] = []

    def put(self, slot: int, kind: str, vector: Vector | None) -> None:
        """Let a slot have a vector of this kind, or none."""
        if vector is None and slot >= self._kinds.size:
            return
        if slot >= self._kinds.size:
            self._grow(slot)
        before = int(self._kinds[slot])
        if before >= 0:
            self._sums[before] -= self._vectors[slot]
            self._counts[before] -= 1
        self._kinds[slot] = -1
        if vector is None:
            return
        index = self._kind_of.setdefault(kind, len(self._kind_of))
        if index == len(self._sums):
            self._sums.append(np.zeros(WIDTH))
            self._counts.append(0)
        one = vector.astype(np.float32)
        one /= max(float(np.linalg.norm(one)), 1e-6)
        self._vectors[slot], self._kinds[slot] = one, index
        self._sums[index] += one
        self._counts[index] += 1

    def similarities(self, kind: str, vectors: list[Vector], n_slots: int) -> Scores | None:
        """Cosines with the mean of ``vectors`` of one kind, at least 0, for all slots; NaN for those without.

        None when nothing has this kind.
        """
        index = self._kind_of.get(kind, -1)
        if not vectors or index < 0 or not self._counts[index]:
            return None
        mean = (self._sums[index] / self._counts[index]).astype(np.float32)
        units = [one.astype(np.float32) / max(float(np.linalg.norm(one.astype(np.float32))), 1e-6) for one in vectors]
        seed = np.mean(units, axis=0) - mean
        n = min(n_slots, self._kinds.size)
        products = self._vectors[:n] @ np.stack([seed, mean], axis=1)
        # The length of v - mean, v of length 1.
        lengths = np.sqrt(np.maximum(1 - 2 * products[:, 1] + mean @ mean, 1e-12)) * max(np.linalg.norm(seed), 1e-6)
        scores = np.full(n_slots, np.nan, np.float32)
        cosines = np.clip((products[:, 0] - mean @ seed) / lengths, 0, 1)
        scores[:n] = np.where(self._kinds[:n] == index, cosines, np.nan)
        return scores

    def _grow(self, slot: int) -> None:
        size = max(_FIRST, 2 * self._kinds.size)
        while size <= slot:
            size *= 2
        vectors, kinds = np.zeros((size, WIDTH), np.float32), np.full(size, -1, np.int16)
        vectors[: self._kinds.size], kinds[: self._kinds.size] = self._vectors, self._kinds
        self._vectors, self._kinds = vectors, kinds
