"""FFmpeg, through PyAV: AAC, ALAC, WMA, WebM and whatever else people submit; also where the channels stand."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import BinaryIO

import av
import numpy as np
from av.container import InputContainer

from workers.extractor.decoders.stream import BLOCK_FRAMES, AudioStream, Block, DecoderError
from workers.extractor.loudness import channel_weights

# Formats that hold audio themselves. FFmpeg also has formats that only name other files and URLs (hls, concat, dash,
# sdp ...) and would open them, from a descriptor too: tried, an HLS playlist read a local file.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,aac,adts,asf,avi,flv,mpegts,mpeg,mp3,ogg,flac,wav,w64,aiff,au,caf,"
    "ac3,eac3,dts,amr,ape,wv,tta,mpc,mpc8,dsf,tak,oma,voc"
)
# What PyAV raises over damaged files: FFmpeg's errors, and its own. An IndexError, for one, comes at the end of a file
# in which another stream begins midway, since PyAV looks for that among the streams of the beginning.
_DAMAGE = (av.FFmpegError, ArithmeticError, LookupError, ValueError)
_OPTIONS = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none"}


@contextmanager
def av_stream(file: BinaryIO) -> Iterator[AudioStream]:
    """Open a file. Raises: DecoderError, also from the stream's blocks."""
    av.logging.set_level(av.logging.PANIC)
    file.seek(0)
    try:
        container = av.open(_Bytes(file), mode="r", options=_OPTIONS, metadata_errors="ignore")
    except _DAMAGE as error:
        raise DecoderError(_cause(error)) from None
    with container:
        audio = next((stream for stream in container.streams.audio if _is_known(stream)), None)
        if audio is None:
            raise DecoderError("no audio in it that it knows")
        frames = _frames(container, audio)
        first = next(frames, None)
        if first is None:
            raise DecoderError("not one frame of audio could be decoded")
        # Facts of the first frame, not of the header: AAC's may name half the rate and one channel of two.
        yield AudioStream(
            container=container.format.name,
            codec=audio.codec_context.name,
            sample_rate_hz=first.sample_rate,
            loudness_weights=channel_weights([channel.name for channel in first.layout.channels]),
            blocks=_blocks(first, frames),
        )


def _is_known(stream: av.AudioStream) -> bool:
    """Whether there is a decoder for it. PyAV's types say that there always is a context."""
    context: object = stream.codec_context
    return context is not None


class _Bytes:
    """What PyAV needs of a file; not its name, which for a descriptor is a number that PyAV refuses."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read
        self._seek = file.seek
        self.tell = file.tell

    def seek(self, offset: int, whence: int) -> int:
        """Where a damaged file sends FFmpeg may be before its beginning; -1 tells it so, an exception would end all."""
        try:
            return self._seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -1


def _frames(container: InputContainer, audio: av.AudioStream) -> Iterator[av.AudioFrame]:
    """All frames that can be decoded; packets that cannot are left out, as players do."""
    audio.codec_context.thread_count = 1
    n_bad = n_good = 0
    try:
        for packet in container.demux(audio):
            try:
                frames = packet.decode()
            except _DAMAGE:
                n_bad += 1
                continue
            n_good += 1
            for frame in frames:
                if frame.samples:
                    yield frame
    except _DAMAGE as error:
        if not n_good:
            raise DecoderError(_cause(error)) from None
    if n_bad > n_good:
        raise DecoderError(f"{n_bad} of {n_bad + n_good} packets are broken")


def _blocks(first: av.AudioFrame, frames: Iterator[av.AudioFrame]) -> Iterator[Block]:
    """Gather frames, which have some thousand samples, in FFmpeg: an array of each takes as long as decoding it."""
    gathered = av.AudioFifo()
    as_float = av.AudioResampler(format="flt", layout=first.layout, rate=first.sample_rate)
    for frame in chain((first,), frames):
        frame.pts = None  # gaps in time stamps would become silence
        try:
            gathered.write(frame)
        except _DAMAGE:
            break  # the rate or the channels change here: another stream begins, which is not this one
        while gathered.samples >= BLOCK_FRAMES and (whole := gathered.read(BLOCK_FRAMES)):
            yield _block(whole, as_float)
    if rest := gathered.read():
        yield _block(rest, as_float)


def _block(frame: av.AudioFrame, as_float: av.AudioResampler) -> Block:
    """A frame of any size and format as floats, a row for each sample of all channels."""
    if frame.format.name == "fltp":  # as Vorbis, AAC and MP3 come: interleaving takes a tenth of the time of decoding
        return np.asarray(frame.to_ndarray(), np.float32).T
    [made] = as_float.resample(frame)
    return made.to_ndarray().reshape(-1, len(made.layout.channels)).astype(np.float32, copy=False)


def _cause(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or "not a format it knows")
