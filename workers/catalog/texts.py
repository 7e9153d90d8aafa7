"""Words by which tracks are searched, joined in blocks: a search looks through some long texts, not many short ones."""

from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

_BLOCK: Final = 1024
# Ends each text; no word has one.
_END: Final = "\n"


class Texts:
    """A text for each slot."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._blocks: list[tuple[str, NDArray[np.int64]] | None] = []
        """For 1,024 slots each, once needed since one of them changed: all their texts, and where each begins."""

    def put(self, slot: int, text: str) -> None:
        """Let a slot have this text; ``slot`` is at most one behind the last."""
        if slot == len(self._texts):
            self._texts.append("")
            if slot % _BLOCK == 0:
                self._blocks.append(None)
        self._texts[slot] = text
        self._blocks[slot // _BLOCK] = None

    def having(self, word: str) -> NDArray[np.bool_]:
        """Which slots' texts have this word, not empty and without white space, anywhere in them."""
        found = np.zeros(len(self._texts), np.bool_)
        for index in range(len(self._blocks)):
            joined, starts = self._block(index)
            parts = joined.split(word)
            if len(parts) > 1:
                lengths = np.fromiter(map(len, parts), np.int64, len(parts))
                places = np.cumsum(lengths[:-1] + len(word)) - len(word)
                found[index * _BLOCK + np.searchsorted(starts, places, side="right") - 1] = True
        return found

    def _block(self, index: int) -> tuple[str, NDArray[np.int64]]:
        block = self._blocks[index]
        if block is None:
            texts = self._texts[index * _BLOCK : (index + 1) * _BLOCK]
            lengths = [len(text) + len(_END) for text in texts]
            starts = np.fromiter(accumulate(lengths[:-1], initial=0), np.int64, len(texts))
            block = self._blocks[index] = (_END.join(texts) + _END, starts)
        return block
