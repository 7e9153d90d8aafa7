"""What is no audio, or is damaged, or claims more than there is."""

import base64
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from schemas.errors import AudioOutOfBoundsError, EmptyAudioError, UndecodableAudioError
from shared.settings.media import MediaSettings
from tests.unit.workers.extractor.encoding import a_song, encoded, likeness, mono_16k, written
from workers.extractor.decoding import SAMPLE_RATE_HZ, DecodingLimits, decoded

LIMITS = DecodingLimits.from_settings(MediaSettings())

AsFile = Callable[[bytes], BinaryIO]


def test_an_audio_file_without_frames_is_empty(as_file: AsFile) -> None:
    with pytest.raises(EmptyAudioError):
        decoded(as_file(written(np.empty((0, 2), np.float32))), LIMITS)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"ID3\x04\x00\x00\x00\x00\x00\x00",
        b"<html><body>Please log in</body></html>",
        b"\x89PNG\r\n\x1a\n" + bytes(1000),
        np.random.default_rng(3).bytes(20_000),
    ],
)
def test_what_is_no_audio_is_undecodable(as_file: AsFile, content: bytes) -> None:
    with pytest.raises(UndecodableAudioError) as caught:
        decoded(as_file(content), LIMITS)
    assert len(str(caught.value)) < 300


def test_an_audio_stream_of_a_codec_that_nobody_knows_is_undecodable(as_file: AsFile) -> None:
    content = encoded(a_song(0.5), 44_100, "matroska", "libmp3lame").replace(b"A_MPEG/L3", b"A_NONE/L3")

    with pytest.raises(UndecodableAudioError, match="no audio in it that it knows"):
        decoded(as_file(content), LIMITS)


def test_a_header_that_sends_its_reader_before_the_beginning_is_undecodable(as_file: AsFile) -> None:
    """Found by fuzzing: the head of an ASF file."""
    content = base64.b64decode("MCaydY5mzxGm2QCqAGLObPgBAAAAAAAABgAAAAECodxKEXFHZc1Yt2WIbOXXgDwvkprEiw8E")

    with pytest.raises(UndecodableAudioError):
        decoded(as_file(content), LIMITS)


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{path}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{path}'\n",
        "<MPD><Period><AdaptationSet><Representation><BaseURL>{path}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    ],
)
def test_a_file_that_names_other_files_opens_none(as_file: AsFile, tmp_path: Path, playlist: str) -> None:
    """FFmpeg follows such files when it may: the first two of these, from a descriptor, too."""
    (tmp_path / "secret.aac").write_bytes(encoded(a_song(), 44_100, "adts", "aac"))

    with pytest.raises(UndecodableAudioError):
        decoded(as_file(playlist.format(path=tmp_path / "secret.aac").encode()), LIMITS)


@pytest.mark.parametrize(
    ("content", "setting"),
    [
        (written(a_song(0.1, 8_000, 9), 8_000), "NEEDLEDROP_MEDIA_MAX_CHANNELS"),
        (written(a_song(0.1, 3_000, 1), 3_000), "NEEDLEDROP_MEDIA_MIN_SAMPLE_RATE_HZ"),
        (written(a_song(0.1, 400_000, 1), 400_000), "NEEDLEDROP_MEDIA_MAX_SAMPLE_RATE_HZ"),
    ],
)
def test_audio_out_of_bounds_names_the_setting(as_file: AsFile, content: bytes, setting: str) -> None:
    with pytest.raises(AudioOutOfBoundsError, match=setting):
        decoded(as_file(content), LIMITS)


@pytest.mark.parametrize("format_", ["WAV", "FLAC", "MP3", "OGG"])
def test_a_truncated_file_is_decoded_as_far_as_it_goes(as_file: AsFile, format_: str) -> None:
    subtype = {"WAV": "PCM_16", "FLAC": "PCM_16", "MP3": "MPEG_LAYER_III", "OGG": "VORBIS"}[format_]
    samples = a_song(8.0) + np.random.default_rng(5).standard_normal((8 * 44_100, 2)).astype(np.float32) * 0.01
    whole = written(samples, format=format_, subtype=subtype)

    track = decoded(as_file(whole[: len(whole) * 6 // 10]), LIMITS)

    assert 3.0 < track.duration_s < 6.0
    n = 2 * SAMPLE_RATE_HZ
    assert likeness(track.samples[:n], mono_16k(samples, 44_100)[:n]) > 0.95


def test_a_damaged_flac_file_is_decoded_around_the_damage(as_file: AsFile) -> None:
    content = bytearray(written(a_song(8.0), format="FLAC", subtype="PCM_16"))
    middle = len(content) // 2
    content[middle : middle + 200] = bytes(200)

    assert decoded(as_file(bytes(content)), LIMITS).duration_s > 6.0


def test_a_header_that_claims_2_to_the_31_frames_costs_no_memory(as_file: AsFile) -> None:
    content = bytearray(written(a_song(1.0), subtype="PCM_16"))
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", 2**32 - 1)
    flac = bytearray(written(a_song(1.0), format="FLAC", subtype="PCM_16"))
    flac[21:26] = bytes([flac[21] | 0x0F]) + b"\xff" * 4  # STREAMINFO: 2**36 - 1 samples

    assert decoded(as_file(bytes(content)), LIMITS).duration_s == 1.0
    assert decoded(as_file(bytes(flac)), LIMITS).duration_s == 1.0


def test_a_few_samples_that_are_no_numbers_become_zero(as_file: AsFile) -> None:
    samples = a_song(2.0, 16_000)
    samples[1_000] = [np.nan, np.inf]
    samples[2_000, 0] = -1e30

    track = decoded(as_file(written(samples, 16_000)), LIMITS)

    assert np.isfinite(track.samples).all()
    assert track.samples[1_000] == 0.0
    assert track.loudness_lufs is not None


def test_many_samples_that_are_no_numbers_are_refused(as_file: AsFile) -> None:
    samples = a_song(2.0, 16_000)
    samples[::50] = np.nan

    with pytest.raises(UndecodableAudioError, match="no numbers"):
        decoded(as_file(written(samples, 16_000)), LIMITS)


def test_a_float_file_may_exceed_full_scale(as_file: AsFile) -> None:
    samples = a_song(1.0, 16_000, 1) * 10

    np.testing.assert_array_equal(decoded(as_file(written(samples, 16_000)), LIMITS).samples, samples[:, 0])
