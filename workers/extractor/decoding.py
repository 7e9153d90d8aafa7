"""From the bytes of a file to what is analysed: mono at 16 kHz, its loudness, and facts about the file.

Runs block by block: apart from the mono signal itself (64 kB a second) memory does not grow with the file.
"""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import BinaryIO, Self

import numpy as np
import soxr
from numpy.typing import NDArray

from schemas.errors import AudioOutOfBoundsError, EmptyAudioError, UndecodableAudioError
from shared.settings.media import MediaSettings
from workers.extractor.decoders.av_decoder import av_stream
from workers.extractor.decoders.soundfile_decoder import soundfile_stream
from workers.extractor.decoders.stream import AudioStream, Block, DecoderError
from workers.extractor.loudness import LoudnessMeter

SAMPLE_RATE_HZ = 16_000  # what the networks and the signal features listen at
EXCERPT_S = 30.0  # as long as the clips that taggers are trained and previews are cut to

# Full scale is 1. Float files may go beyond it, not 48 dB beyond: such a number is a defect, and its square overflows.
_LARGEST_SAMPLE = 256.0
_TOO_MANY_BROKEN = 0.01  # of all samples; with more, what is left would be labelled as silence or clicks
_RESAMPLING_QUALITY = "HQ"
_VORBIS, _VORBIS_AT = b"\x01vorbis", 28  # its identification header fills the first page alone, behind 28 bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodingLimits:
    """How much is decoded, and what is refused."""

    max_duration_s: float
    max_channels: int
    min_sample_rate_hz: int
    max_sample_rate_hz: int
    excerpt_only: bool = False  # decode the middle alone, where the format can seek

    @classmethod
    def from_settings(cls, settings: MediaSettings) -> Self:
        """The settings' part that concerns decoding."""
        return cls(
            max_duration_s=settings.max_duration_s,
            excerpt_only=settings.excerpt_only,
            max_channels=settings.max_channels,
            min_sample_rate_hz=settings.min_sample_rate_hz,
            max_sample_rate_hz=settings.max_sample_rate_hz,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decoded:
    """A decoded track."""

    samples: NDArray[np.float32]  # mono (the mean of the channels) at SAMPLE_RATE_HZ, finite, shape (n_samples,)
    container: str
    codec: str
    sample_rate_hz: int  # of the file
    n_channels: int  # of the file
    start_s: float  # where decoding began
    duration_s: float  # of what was decoded: counted, not what a header claims
    whole_s: float  # of the file, up to the cap: counted, or what its header says where only an excerpt was decoded
    cut: bool  # whether the file goes on after the cap
    loudness_lufs: (
        float | None
    )  # integrated, of what was decoded, all channels at the file's rate; None for silence, and where not wanted

    @property
    def excerpt_start_s(self) -> float:
        """Where `excerpt` begins in the track."""
        return self.start_s + self._excerpt_start / SAMPLE_RATE_HZ

    @property
    def excerpt(self) -> NDArray[np.float32]:
        """The middle, up to EXCERPT_S, contiguous; a view of `samples`."""
        start = self._excerpt_start
        return self.samples[start : start + int(EXCERPT_S * SAMPLE_RATE_HZ)]

    @property
    def _excerpt_start(self) -> int:
        return max(0, self.samples.size - int(EXCERPT_S * SAMPLE_RATE_HZ)) // 2


def decoded(file: BinaryIO, limits: DecodingLimits, *, loudness: bool = True) -> Decoded:
    """Decode a file up to ``limits.max_duration_s``; of a truncated or damaged one, what there is.

    Samples that are no numbers, or absurdly large, become 0.

    Args:
        file: has a descriptor; read from its beginning.
        limits: what is refused.
        loudness: whether it shall be measured.
    Raises: UndecodableAudioError, EmptyAudioError; AudioOutOfBoundsError, naming the setting.
    """
    causes: list[str] = []
    any_empty = False
    for name, opened in _decoders(file, excerpt_only=limits.excerpt_only):
        try:
            if limits.excerpt_only and (excerpt := _decoded_excerpt(opened, file, limits, loudness=loudness)):
                return excerpt
            with opened(file) as stream:
                return _decoded_stream(stream, limits, loudness=loudness)
        except DecoderError as error:
            causes.append(f"{name}: {error}")
        except EmptyAudioError:
            any_empty = True
    if any_empty:
        raise EmptyAudioError("an audio file without a single frame")
    raise UndecodableAudioError(f"no decoder takes it for audio ({'; '.join(causes)})")


_Opener = Callable[[BinaryIO], AbstractContextManager[AudioStream]]


def _decoders(file: BinaryIO, *, excerpt_only: bool) -> list[tuple[str, _Opener]]:
    """Libsndfile first, FFmpeg for what that cannot; the other way round where channels must be known (surround).

    And for whole Vorbis: in half the time, with samples within 1e-6. An excerpt is left to the one that seeks.
    """
    order: list[tuple[str, _Opener]] = [("libsndfile", soundfile_stream), ("FFmpeg", av_stream)]
    if not excerpt_only and _is_vorbis(file):
        return order[::-1]
    try:
        with soundfile_stream(file) as stream:
            return order[::-1] if stream.n_channels > 2 else order
    except DecoderError:
        return order


def _is_vorbis(file: BinaryIO) -> bool:
    """Whether the first packet of the first Ogg page is Vorbis' (RFC 3533, section 6; Vorbis I, section 4.2.1)."""
    # Not through the buffer of `file`: what that reads ahead libsndfile would miss, at the same descriptor.
    page = os.pread(file.fileno(), _VORBIS_AT + len(_VORBIS), 0)
    return page.startswith(b"OggS") and page.endswith(_VORBIS)


def _decoded_excerpt(opened: _Opener, file: BinaryIO, limits: DecodingLimits, *, loudness: bool) -> Decoded | None:
    """The middle of a longer stream alone; None where that cannot be had, or is not all there."""
    try:
        with opened(file) as stream:
            n_excerpt = int(EXCERPT_S * stream.sample_rate_hz)
            n_capped = min(stream.n_frames, int(limits.max_duration_s * stream.sample_rate_hz))
            if stream.seek is None or n_capped <= n_excerpt:
                return None
            start = (n_capped - n_excerpt) // 2
            stream.seek(start)
            found = _decoded_stream(stream, replace(limits, max_duration_s=EXCERPT_S), loudness=loudness)
    except (DecoderError, EmptyAudioError):  # the header promised more than there is
        return None
    if found.duration_s * stream.sample_rate_hz < n_excerpt:
        return None
    return replace(
        found,
        start_s=start / stream.sample_rate_hz,
        whole_s=n_capped / stream.sample_rate_hz,
        cut=(stream.n_frames) > n_capped,
    )


def _decoded_stream(stream: AudioStream, limits: DecodingLimits, *, loudness: bool) -> Decoded:
    _check(stream, limits)
    rate_hz, n_channels = stream.sample_rate_hz, stream.n_channels
    max_frames = int(limits.max_duration_s * rate_hz)
    mono_weights = np.full(n_channels, 1.0 / n_channels, np.float32)
    meter = LoudnessMeter(rate_hz, stream.loudness_weights) if loudness else None
    track = _Track(rate_hz, limits.max_duration_s)
    n_frames = n_broken = 0
    cut = False
    for decoded_block in stream.blocks:
        if n_frames == max_frames:
            cut = True
            break
        block = decoded_block[: max_frames - n_frames]
        cut = len(block) < len(decoded_block)
        n_frames += len(block)
        n_broken += _mend(block)
        if meter:
            meter.add(block)
        track.add(block @ mono_weights)  # 20 times as fast as the mean over an axis of two
        if cut:
            break
    if not n_frames:
        raise EmptyAudioError("not one frame of audio")
    if n_broken > _TOO_MANY_BROKEN * n_frames * n_channels:
        raise UndecodableAudioError(f"{n_broken} of {n_frames * n_channels} samples are no numbers, or far too large")
    return Decoded(
        samples=track.samples(),
        container=stream.container,
        codec=stream.codec,
        sample_rate_hz=rate_hz,
        n_channels=n_channels,
        start_s=0.0,
        duration_s=n_frames / rate_hz,
        whole_s=n_frames / rate_hz,
        cut=cut,
        loudness_lufs=meter.integrated_lufs() if meter else None,
    )


def _check(stream: AudioStream, limits: DecodingLimits) -> None:
    if stream.n_channels > limits.max_channels:
        raise AudioOutOfBoundsError(
            f"{stream.n_channels} channels; NEEDLEDROP_MEDIA_MAX_CHANNELS is {limits.max_channels}"
        )
    if stream.sample_rate_hz < limits.min_sample_rate_hz:
        raise AudioOutOfBoundsError(
            f"{stream.sample_rate_hz} Hz; NEEDLEDROP_MEDIA_MIN_SAMPLE_RATE_HZ is {limits.min_sample_rate_hz}"
        )
    if stream.sample_rate_hz > limits.max_sample_rate_hz:
        raise AudioOutOfBoundsError(
            f"{stream.sample_rate_hz} Hz; NEEDLEDROP_MEDIA_MAX_SAMPLE_RATE_HZ is {limits.max_sample_rate_hz}"
        )


def _mend(block: Block) -> int:
    """Set samples that are no numbers, or too large, to 0 in place; says how many."""
    if block.min() >= -_LARGEST_SAMPLE and block.max() <= _LARGEST_SAMPLE:  # false when any is nan
        return 0
    broken = ~(np.abs(block) <= _LARGEST_SAMPLE)
    block[broken] = 0.0
    return int(broken.sum())


class _Track:
    """Gathers blocks of mono, resampled to SAMPLE_RATE_HZ; sample for sample what resampling all at once gives."""

    def __init__(self, rate_hz: int, max_duration_s: float) -> None:
        self._resampler = (
            None
            if rate_hz == SAMPLE_RATE_HZ
            else soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality=_RESAMPLING_QUALITY)
        )
        # For the longest track: the system gives memory only where it is written, so a short one costs no more.
        self._samples = np.empty(int(max_duration_s * SAMPLE_RATE_HZ) + 1, np.float32)
        self._n_samples = 0

    def add(self, mono: NDArray[np.float32]) -> None:
        """Take the next block, shape (n_frames,)."""
        self._keep(mono if self._resampler is None else self._resampler.resample_chunk(mono))

    def samples(self) -> NDArray[np.float32]:
        """Everything; the last call."""
        if self._resampler is not None:
            self._keep(self._resampler.resample_chunk(np.empty(0, np.float32), last=True))
        return self._samples[: self._n_samples]

    def _keep(self, resampled: NDArray[np.float32]) -> None:
        room = self._samples[self._n_samples : self._n_samples + resampled.size]
        room[:] = resampled[: room.size]
        self._n_samples += room.size
