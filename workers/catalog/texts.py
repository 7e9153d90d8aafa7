"""Words by which tracks are searched, joined in blocks: a search looks through some long texts, not many short ones.

What is compared are bytes of UTF-8, in array operations, during which the interpreter is free for others.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

_BLOCK: Final = 2048
# A page asks for the same words again with each chip that is chosen and each range that is moved. At most 4 kB a word.
_REMEMBERED: Final = 32
# Ends each text; no word has one.
_END: Final = b"\n"

Bytes = NDArray[np.uint8]


class _Block:
    """The texts of 2,048 slots, one behind the other, and the words that were looked for in them lately."""

    def __init__(self, texts: Sequence[bytes]) -> None:
        self._joined: Bytes = np.frombuffer(_END.join(texts) + _END, np.uint8)
        lengths = [len(text) + len(_END) for text in texts]
        self._starts = np.fromiter(accumulate(lengths[:-1], initial=0), np.int64, len(texts))
        self._found: dict[bytes, NDArray[np.int16]] = {}

    def having(self, letters: bytes) -> NDArray[np.int16]:
        """Which of the texts have these letters."""
        found = self._found.pop(letters, None)
        if found is None:
            places = _places(self._joined, letters)
            found = (np.searchsorted(self._starts, places, side="right") - 1).astype(np.int16)
            found = found[np.flatnonzero(np.diff(found, prepend=np.int16(-1)))]  # each once
        self._found[letters] = found
        if len(self._found) > _REMEMBERED:
            del self._found[next(iter(self._found))]
        return found


class Texts:
    """A text for each slot."""

    def __init__(self) -> None:
        self._texts: list[bytes] = []
        self._blocks: list[_Block | None] = []
        """Made when needed, since one of their texts changed."""

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
            there = self._block(index).having(letters)
            found[index * _BLOCK : (index + 1) * _BLOCK][there] = True
        return found

    def _block(self, index: int) -> _Block:
        block = self._blocks[index]
        if block is None:
            block = self._blocks[index] = _Block(self._texts[index * _BLOCK : (index + 1) * _BLOCK])
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
