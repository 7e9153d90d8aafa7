import dataclasses
import io
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
import pytest
import soundfile
import soxr

from shared.settings.media import MediaSettings
from tests.unit.workers.extractor.encoding import a_song, encoded, likeness, mono_16k, written
from workers.extractor.decoding import SAMPLE_RATE_HZ, DecodingLimits, decoded

LIMITS = DecodingLimits.from_settings(MediaSettings())

AsFile = Callable[[bytes], BinaryIO]


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("n_channels", [1, 2])
def test_streamed_mono_is_what_resampling_the_mean_at_once_gives(
    as_file: AsFile, rate_hz: int, n_channels: int
) -> None:
    samples = a_song(4.0, rate_hz, n_channels)

    track = decoded(as_file(written(samples, rate_hz)), LIMITS)

    np.testing.assert_allclose(track.samples, mono_16k(samples, rate_hz), atol=1e-6)
    assert (track.sample_rate_hz, track.n_channels, track.cut) == (rate_hz, n_channels, False)
    assert track.duration_s == 4.0


@pytest.mark.parametrize(
    ("how", "container", "codec", "least"),
    [
        (("WAV", "PCM_16"), "wav", "pcm_16", 0.99999),
        (("AIFF", "PCM_24"), "aiff", "pcm_24", 0.99999),
        (("FLAC", "PCM_16"), "flac", "pcm_16", 0.99999),
        (("OGG", "VORBIS"), "ogg", "vorbis", 0.99),
        (("MP3", "MPEG_LAYER_III"), "mp3", "mpeg_layer_iii", 0.99),
    ],
)
def test_common_formats_are_decoded(
    as_file: AsFile, how: tuple[str, str], container: str, codec: str, least: float
) -> None:
    samples = a_song()

    track = decoded(as_file(written(samples, format=how[0], subtype=how[1])), LIMITS)

    assert (track.container, track.codec) == (container, codec)
    assert track.duration_s == pytest.approx(2.0, abs=0.03)
    assert likeness(track.samples, mono_16k(samples, 44_100)) > least


@pytest.mark.parametrize(("rate_hz", "n_channels"), [(44_100, 2), (48_000, 1), (22_050, 2)])
def test_vorbis_is_decoded_as_libsndfile_does_sample_for_sample(as_file: AsFile, rate_hz: int, n_channels: int) -> None:
    data = written(a_song(4.0, rate_hz, n_channels), rate_hz, format="OGG", subtype="VORBIS")
    samples, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)

    track = decoded(as_file(data), LIMITS)

    assert (track.container, track.codec, track.n_channels) == ("ogg", "vorbis", n_channels)
    np.testing.assert_allclose(track.samples, mono_16k(samples, rate_hz), atol=2e-6)


def test_opus_is_decoded(as_file: AsFile) -> None:
    samples = a_song(2.0, 48_000)

    track = decoded(as_file(written(samples, 48_000, format="OGG", subtype="OPUS")), LIMITS)

    assert track.codec == "opus"
    assert likeness(track.samples, mono_16k(samples, 48_000)) > 0.98


@pytest.mark.parametrize(
    ("container", "codec", "rate_hz"),
    [("ipod", "aac", 44_100), ("adts", "aac", 44_100), ("ipod", "alac", 44_100), ("webm", "libopus", 48_000)],
)
def test_what_libsndfile_cannot_read_is_decoded_by_ffmpeg(
    as_file: AsFile, container: str, codec: str, rate_hz: int
) -> None:
    samples = a_song(2.0, rate_hz)

    track = decoded(as_file(encoded(samples, rate_hz, container, codec)), LIMITS)

    assert track.codec in (codec, codec.removeprefix("lib"))
    assert (track.sample_rate_hz, track.n_channels) == (rate_hz, 2)
    assert track.duration_s == pytest.approx(2.0, abs=0.06)
    reference = mono_16k(samples, rate_hz)
    assert max(likeness(track.samples[shift:], reference) for shift in range(0, 1_100, 1)) > 0.98


def test_surround_is_measured_with_the_weights_of_its_channels(as_file: AsFile) -> None:
    one_channel = a_song(2.0, 48_000, 1)
    loudness = {}
    for name, channel in {"front": 0, "effects": 3, "surround": 4}.items():
        samples = np.zeros((len(one_channel), 6), np.float32)
        samples[:, channel] = one_channel[:, 0]
        track = decoded(as_file(encoded(samples, 48_000, "wav", "pcm_s16le", "5.1")), LIMITS)
        assert track.n_channels == 6
        loudness[name] = track.loudness_lufs

    assert loudness["front"] == pytest.approx(
        decoded(as_file(written(one_channel, 48_000)), LIMITS).loudness_lufs, abs=0.01
    )
    assert loudness["effects"] is None
    assert loudness["surround"] == pytest.approx(loudness["front"] + 10 * np.log10(1.41), abs=0.01)


def test_a_long_file_is_cut_at_the_cap_and_says_so(as_file: AsFile) -> None:
    limits = DecodingLimits(
        max_duration_s=3.0, excerpt_only=False, max_channels=8, min_sample_rate_hz=4_000, max_sample_rate_hz=384_000
    )

    longer = decoded(as_file(written(a_song(3.1))), limits)
    just = decoded(as_file(written(a_song(3.0))), limits)

    assert (longer.duration_s, longer.cut) == (3.0, True)
    assert (just.duration_s, just.cut) == (3.0, False)
    assert longer.samples.size == just.samples.size == 3 * SAMPLE_RATE_HZ


def test_the_excerpt_is_the_middle_half_minute(as_file: AsFile) -> None:
    samples = a_song(40.0, 16_000, 1)

    track = decoded(as_file(written(samples, 16_000)), LIMITS)

    assert track.excerpt_start_s == 5.0
    np.testing.assert_array_equal(track.excerpt, samples[5 * 16_000 : 35 * 16_000, 0])
    assert np.shares_memory(track.excerpt, track.samples)


def test_the_excerpt_of_a_short_file_is_all_of_it(as_file: AsFile) -> None:
    track = decoded(as_file(written(a_song(2.0))), LIMITS)

    assert (track.excerpt_start_s, track.excerpt.size) == (0.0, track.samples.size)


EXCERPT_ONLY = dataclasses.replace(LIMITS, excerpt_only=True)
LONG_S = 41.0


@pytest.mark.parametrize(
    ("format_", "subtype"), [("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")]
)
def test_the_excerpt_alone_is_the_middle_of_the_whole(as_file: AsFile, format_: str, subtype: str) -> None:
    file = as_file(written(a_song(LONG_S, 22_050), 22_050, format=format_, subtype=subtype))
    whole, excerpt = decoded(file, LIMITS), decoded(file, EXCERPT_ONLY)

    assert (excerpt.duration_s, excerpt.cut) == (30.0, False)
    assert excerpt.whole_s == pytest.approx(LONG_S, abs=0.1)
    assert excerpt.start_s == pytest.approx(whole.excerpt_start_s, abs=0.001)
    assert excerpt.excerpt_start_s == excerpt.start_s
    # Where a resampler begins it hears silence before; a lossy decoder knows nothing of the frame before.
    inner = slice(2_000, -2_000)
    np.testing.assert_allclose(excerpt.excerpt[inner], whole.excerpt[inner], atol=2e-3)


def test_what_is_shorter_than_the_excerpt_or_cannot_seek_is_decoded_whole(as_file: AsFile) -> None:
    short = as_file(written(a_song(3.0)))
    strange = as_file(encoded(a_song(LONG_S, 22_050), 22_050, "ipod", "aac"))

    for file in (short, strange):
        found = decoded(file, EXCERPT_ONLY)
        assert found.start_s == 0.0
        assert found.duration_s == found.whole_s == decoded(file, LIMITS).duration_s


def test_a_header_that_promises_more_than_there_is_gets_what_there_is(as_file: AsFile) -> None:
    content = written(a_song(LONG_S, 8_000, 1), 8_000, subtype="PCM_16")
    truncated = as_file(content[: len(content) // 2])

    found = decoded(truncated, EXCERPT_ONLY)

    assert found.start_s == 0.0
    assert found.duration_s == pytest.approx(LONG_S / 2, abs=0.1)


def test_blocks_join_without_a_fault(as_file: AsFile) -> None:
    """The library's reader seeks between blocks, and MP3 at low rates is a little off after that."""
    content = written(a_song(LONG_S, 22_050), 22_050, format="MP3", subtype="MPEG_LAYER_III")
    at_once, _ = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)

    found = decoded(as_file(content), LIMITS)

    expected = soxr.resample(at_once.mean(axis=1), 22_050, SAMPLE_RATE_HZ, quality="HQ")
    np.testing.assert_allclose(found.samples[: expected.size], expected[: found.samples.size], atol=1e-4)
