"""Songs, and the files that encoders make of them."""

import io
from typing import Any

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from workers.extractor.decoding import SAMPLE_RATE_HZ

Samples = NDArray[np.float32]


def a_song(duration_s: float = 2.0, rate_hz: int = 44_100, n_channels: int = 2) -> Samples:
    """A few tones, another chord on each channel, with an attack every half second."""
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    envelope = np.exp(-4 * (t % 0.5))
    tones = [
        np.sin(2 * np.pi * (220 + 110 * channel) * t) + np.sin(2 * np.pi * 1_000 * t) for channel in range(n_channels)
    ]
    return (np.stack(tones, axis=1) * envelope[:, None] * 0.3).astype(np.float32)


def written(samples: Samples, rate_hz: int = 44_100, *, format: str = "WAV", subtype: str = "FLOAT") -> bytes:  # noqa: A002 - as soundfile calls it
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format=format, subtype=subtype)
    return buffer.getvalue()


def encoded(samples: Samples, rate_hz: int, container: str, codec: str, layout: str = "stereo") -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=rate_hz)
        stream.layout = layout
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout=layout)
        frame.sample_rate = rate_hz
        fit = av.AudioResampler(stream.format, layout, rate_hz, stream.codec_context.frame_size or 1024)
        for part in [*fit.resample(frame), *fit.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def mono_16k(samples: Samples, rate_hz: int) -> Samples:
    resampled: Samples = soxr.resample(samples.mean(axis=1), rate_hz, SAMPLE_RATE_HZ, quality="HQ")
    return resampled


def likeness(one: Samples, other: Samples) -> float:
    n = min(one.size, other.size)
    return float(np.corrcoef(one[:n], other[:n])[0, 1])
