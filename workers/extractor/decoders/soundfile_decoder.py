"""libsndfile: WAV, AIFF, FLAC, MP3, Ogg Vorbis and Opus. Fast and exact, so it is asked first."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO

import numpy as np
import soundfile

from workers.extractor.decoders.stream import BLOCK_FRAMES, AudioStream, Block, DecoderError

# libsndfile reads a dozen formats of samplers and laboratories too. Nobody submits them but those who look for bugs.
_CONTAINERS = frozenset(("AIFF", "AU", "CAF", "FLAC", "MP3", "OGG", "RF64", "W64", "WAV", "WAVEX"))


class _Straight(soundfile.SoundFile):  # type: ignore[misc]  # a library without types
    """Reads on where it is. The library's own class seeks after each block to where it is already.

    That costs a twelfth of the time of Vorbis and MP3, and in MP3 at 24 kHz and below some samples after each block.
    """

    def seekable(self) -> bool:
        """As far as `read` is concerned."""
        return False


@contextmanager
def soundfile_stream(file: BinaryIO) -> Iterator[AudioStream]:
    """Open a file that has a descriptor. Raises: DecoderError, also from the stream's blocks."""
    file.seek(0)
    try:
        audio = _Straight(os.dup(file.fileno()))  # which it closes, also when it fails
    except soundfile.LibsndfileError as error:
        raise DecoderError(error.error_string or "not a format it knows") from None
    with audio:
        if audio.format not in _CONTAINERS:
            raise DecoderError(f"{audio.format} is not accepted")
        yield AudioStream(
            container=audio.format.lower(),
            codec=audio.subtype.lower(),
            sample_rate_hz=audio.samplerate,
            # Where the channels stand is only certain for these; `decoding` does not leave others to us if it can.
            loudness_weights=(1.0,) * audio.channels,
            n_frames=audio.frames,
            seek=partial(_seek, audio),
            blocks=_blocks(audio),
        )


def _seek(audio: soundfile.SoundFile, frame: int) -> None:
    try:
        audio.seek(frame)
    except soundfile.LibsndfileError as error:
        raise DecoderError(error.error_string or "it cannot seek") from None


def _blocks(audio: soundfile.SoundFile) -> Iterator[Block]:
    while True:
        # A block of its own each time, allocated for what is read, not for what a header claims.
        try:
            block: Block = audio.read(out=np.empty((BLOCK_FRAMES, audio.channels), np.float32))
        except soundfile.LibsndfileError as error:
            raise DecoderError(error.error_string or "broken") from None
        if not len(block):
            return
        yield block
