"""What all decoders give: facts about an audio stream, and its samples in blocks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK_FRAMES = 65_536  # 1.5 s: large enough for the libraries' cost a call, small enough for the cache

Block = NDArray[np.float32]


class DecoderError(Exception):
    """This decoder cannot, or can no longer, make samples of these bytes; another one may. Ends in `decoding`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioStream:
    """An open audio stream."""

    container: str  # as the decoder calls it, in lower case
    codec: str
    sample_rate_hz: int
    loudness_weights: tuple[float, ...]  # one for each channel
    n_frames: int = 0  # of the whole stream, as the file says; of use where it can seek
    seek: Callable[[int], object] | None = None  # to a frame, before the first block is taken; raises DecoderError
    blocks: Iterator[Block]  # (n_frames, n_channels), full scale at 1, may hold inf and nan; raises DecoderError

    @property
    def n_channels(self) -> int:
        """How many channels each block has."""
        return len(self.loudness_weights)
