"""Words by which tracks are searched, joined in blocks: a search looks through some long texts, not many short ones.

What is compared are bytes of UTF-8, in array operations, during which the interpreter is free for others.
"""

from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

_BLOCK: Final = 2048
# Ends each text; no word has one.
_END: Final = b"\n"

Bytes = NDArray[np.uint8]


class Texts:
    """A text for each slot."""

    def __init__(self) -> None:
        self._texts: list[bytes] = []
        self._blocks: list[tuple[Bytes, NDArray[np.int64]] | None] = []
        """For 2,048 slots each, once needed since one of them changed: all their texts, and where each begins."""

    def put(self, slot: int, text: str) -> None:
        """Let a slot have this text; ``slot`` is at most one behind the last."""
        if slot == len(self._texts):
            self._texts.append(b"")
            if slot % _BLOCK == 0:
                self._blocks.append(None)
        self._texts[slot] = text.encode(errors="surrogatepass")
        self._blocks[slot // _BLOCK] = None

    def having(self, word: str) -> NDArray[np.bool_]:
        """Which slots' texts have this word, not empty and without white space, anywhere in them."""
        found = np.zeros(len(self._texts), np.bool_)
        letters = word.encode(errors="surrogatepass")
        for index in range(len(self._blocks)):
            joined, starts = self._block(index)
            places = _places(joined, letters)
            if places.size:
                found[index * _BLOCK + np.searchsorted(starts, places, side="right") - 1] = True
        return found

    def _block(self, index: int) -> tuple[Bytes, NDArray[np.int64]]:
        block = self._blocks[index]
        if block is None:
            texts = self._texts[index * _BLOCK : (index + 1) * _BLOCK]
            lengths = [len(text) + len(_END) for text in texts]
            starts = np.fromiter(accumulate(lengths[:-1], initial=0), np.int64, len(texts))
            block = self._blocks[index] = (np.frombuffer(_END.join(texts) + _END, np.uint8), starts)
        return block


def _places(joined: Bytes, letters: bytes) -> NDArray[np.int64]:
    """Where ``letters`` begin in ``joined``."""
    first = joined[: max(joined.size - len(letters) + 1, 0)] == letters[0]
    if len(letters) > 1:  # two at once leave few places to look at closer
        first &= joined[1 : first.size + 1] == letters[1]
    places = np.flatnonzero(first)
    for n, letter in enumerate(letters[2:], start=2):
        places = places[joined[places + n] == letter]
    return places
