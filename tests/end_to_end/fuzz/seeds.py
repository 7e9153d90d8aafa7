"""Small whole files, one for each container and codec that is accepted: what audio is mutated from."""

import io
from functools import cache
from typing import Any

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from tests.end_to_end.fuzz.mutations import with_ogg_sums

_SECONDS = 0.3
_RATE_HZ = 44_100

# How libsndfile writes them ...
_SOUNDFILE = {
    "wav-pcm16": ("WAV", "PCM_16"),
    "wav-float": ("WAV", "FLOAT"),
    "wav-ima-adpcm": ("WAV", "IMA_ADPCM"),
    "wavex-pcm24": ("WAVEX", "PCM_24"),
    "rf64-pcm16": ("RF64", "PCM_16"),
    "w64-pcm16": ("W64", "PCM_16"),
    "aiff-pcm24": ("AIFF", "PCM_24"),
    "au-pcm16": ("AU", "PCM_16"),
    "caf-alac": ("CAF", "ALAC_16"),
    "flac-pcm16": ("FLAC", "PCM_16"),
    "flac-pcm24": ("FLAC", "PCM_24"),
    "ogg-vorbis": ("OGG", "VORBIS"),
    "ogg-opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
_LONG = {
    "long-wav": ("WAV", "IMA_ADPCM"),
    "long-flac": ("FLAC", "PCM_16"),
    "long-ogg": ("OGG", "VORBIS"),
    "long-mp3": ("MP3", "MPEG_LAYER_III"),
    "long-caf": ("CAF", "ALAC_16"),
}
# ... and FFmpeg: container, codec, rate.
_FFMPEG = {
    "m4a-aac": ("ipod", "aac", 44_100),
    "m4a-alac": ("ipod", "alac", 44_100),
    "mp4-fragmented": ("mp4", "aac", 44_100),
    "aac-adts": ("adts", "aac", 44_100),
    "mp3-id3": ("mp3", "libmp3lame", 44_100),
    "webm-opus": ("webm", "libopus", 48_000),
    "mka-mp3": ("matroska", "libmp3lame", 44_100),
    "asf-wma": ("asf", "wmav2", 44_100),
    "flv-mp3": ("flv", "libmp3lame", 44_100),
    "mpegts-aac": ("mpegts", "aac", 44_100),
    "avi-mp3": ("avi", "libmp3lame", 44_100),
    "ac3": ("ac3", "ac3", 48_000),
    "wv": ("wv", "wavpack", 44_100),
    "tta": ("tta", "tta", 44_100),
}


@cache
def seeds() -> dict[str, bytes]:
    """The files by name; the same bytes on one machine."""
    files = {
        **{name: _by_soundfile(*how) for name, how in _SOUNDFILE.items()},
        **{name: _by_ffmpeg(*how) for name, how in _FFMPEG.items()},
    }
    # libsndfile takes a serial number by chance.
    return {name: with_ogg_sums(file, serial=1) if name.startswith("ogg") else file for name, file in files.items()}


@cache
def long_seeds() -> dict[str, bytes]:
    """Files of 31 s in formats that can be sought in: what the excerpt in the middle is decoded from."""
    return {
        name: with_ogg_sums(_by_soundfile(*how, seconds=31.0, rate_hz=8_000), serial=1) for name, how in _LONG.items()
    }


def _song(rate_hz: int, seconds: float = _SECONDS) -> NDArray[np.float32]:
    """Two channels of decaying tones and a little noise, shape (n_frames, 2)."""
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    noise = np.random.default_rng(0).standard_normal((t.size, 2)) * 0.02
    tones = np.stack([np.sin(2 * np.pi * 440 * t), np.sin(2 * np.pi * 660 * t)], axis=1)
    return (tones * np.exp(-6 * (t % 0.15))[:, None] * 0.4 + noise).astype(np.float32)


def _by_soundfile(container: str, codec: str, *, seconds: float = _SECONDS, rate_hz: int = _RATE_HZ) -> bytes:
    rate_hz = 48_000 if codec == "OPUS" else rate_hz
    buffer = io.BytesIO()
    soundfile.write(buffer, _song(rate_hz, seconds), rate_hz, format=container, subtype=codec)
    return buffer.getvalue()


def _by_ffmpeg(container: str, codec: str, rate_hz: int) -> bytes:
    buffer = io.BytesIO()
    fragmented = {"movflags": "frag_keyframe+empty_moov"} if container == "mp4" else {}
    with av.open(buffer, "w", format=container, options={**fragmented, "fflags": "+bitexact"}) as output:
        stream: Any = output.add_stream(codec, rate=rate_hz)
        stream.layout = "stereo"
        stream.bit_rate = 128_000
        output.metadata["title"] = "a title"
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(_song(rate_hz).T), format="fltp", layout="stereo")
        frame.sample_rate = rate_hz
        fit = av.AudioResampler(stream.format, "stereo", rate_hz, stream.codec_context.frame_size or 1024)
        for part in [*fit.resample(frame), *fit.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return buffer.getvalue()
