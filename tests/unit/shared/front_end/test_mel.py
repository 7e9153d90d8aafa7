"""Mel power against librosa, rounding against NumPy, compression against its formula."""

import math

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray

from shared.front_end.mel import band_centres_hz, compressed, mel_power, n_frames_of, rounded
from shared.front_end.spec import MUSICNN_96, FrontEnd

OTHER = FrontEnd(
    name="other", sample_rate_hz=22_050, n_fft=1024, hop_length=441, n_bands=128, compression="db", transport="float32"
)


def noise(n_samples: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(440)
    samples: NDArray[np.float32] = (0.3 * rng.standard_normal(n_samples)).astype(np.float32)
    return samples


def librosa_mel(samples: NDArray[np.float32], spec: FrontEnd) -> NDArray[np.float32]:
    power: NDArray[np.float32] = librosa.feature.melspectrogram(
        y=samples, sr=spec.sample_rate_hz, n_fft=spec.n_fft, hop_length=spec.hop_length, n_mels=spec.n_bands
    ).T
    return power


@pytest.mark.parametrize("spec", [MUSICNN_96, OTHER], ids=lambda spec: spec.name)
@pytest.mark.parametrize("n_samples", [2_000, 65_536, 100_001])
def test_mel_power_equals_librosa_over_a_whole_signal(spec: FrontEnd, n_samples: int) -> None:
    expected = librosa_mel(noise(n_samples), spec)

    found = mel_power(noise(n_samples), spec, 0, n_frames_of(n_samples, spec))

    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * expected.max())


@pytest.mark.parametrize(("first", "n"), [(0, 3), (1, 1), (57, 200), (380, 11)])
def test_mel_power_of_some_frames_equals_those_of_the_whole_signal(first: int, n: int) -> None:
    samples = noise(100_001)
    expected = librosa_mel(samples, MUSICNN_96)
    assert len(expected) == 391

    found = mel_power(samples, MUSICNN_96, first, n)

    np.testing.assert_allclose(found, expected[first : first + n], rtol=0, atol=1e-5 * expected.max())


def test_mel_power_is_zero_beyond_the_signal() -> None:
    assert not mel_power(noise(5_000), MUSICNN_96, 30, 4).any()


def test_mel_power_of_a_sine_lies_in_the_band_of_its_frequency() -> None:
    seconds = np.arange(16_000) / 16_000
    sine = np.sin(2 * np.pi * 1_000 * seconds).astype(np.float32)
    centres_hz = librosa.mel_frequencies(n_mels=98, fmin=0, fmax=8_000)[1:-1]

    power = mel_power(sine, MUSICNN_96, 10, 20)

    assert set(power.argmax(axis=1)) == {int(np.abs(centres_hz - 1_000).argmin())}


def test_rounding_equals_the_cast_of_numpy_bit_for_bit() -> None:
    rng = np.random.default_rng(1)
    bits = rng.integers(0, int(np.float32(65_504).view(np.uint32)) + 1, 300_000, dtype=np.uint32)
    halves = np.arange(0x7BFF, dtype=np.uint16).view(np.float16).astype(np.float32)
    between = (halves[:-1] + halves[1:]) / 2  # exactly between two float16: to even
    power = np.concatenate([bits.view(np.float32), halves, between, np.array([0.0, 65_503.9], np.float32)])

    found = rounded(power, MUSICNN_96)

    assert found.dtype == np.float16
    np.testing.assert_array_equal(found.view(np.uint16), power.astype(np.float16).view(np.uint16))


def test_rounding_clamps_what_float16_cannot_hold() -> None:
    assert rounded(np.array([65_505.0, 1e6, 3e38], np.float32), MUSICNN_96).tolist() == [65_504.0] * 3


def test_rounding_leaves_float32_alone() -> None:
    power = np.array([1e-9, 1e6], np.float32)

    assert rounded(power, OTHER).tolist() == power.tolist()


def test_compression_does_not_overflow_in_float16() -> None:
    power = np.array([0.0, 0.0999755859375, 7.0, 65_504.0], np.float16)

    found = compressed(power, MUSICNN_96)

    assert found.dtype == np.float32
    expected = [math.log10(10_000 * value + 1) for value in power.tolist()]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert expected[-1] == pytest.approx(8.816268)


def test_compression_to_decibels_equals_librosa() -> None:
    power = np.array([0.0, 1e-9, 0.5, 1.0, 4_000.0], np.float32)

    np.testing.assert_allclose(compressed(power, OTHER), librosa.power_to_db(power, top_db=None), atol=1e-5)


@pytest.mark.parametrize("band", [12, 30, 60, 90])  # wider than a bin of the transform
def test_band_centre_is_where_a_tone_is_loudest_in_that_band(band: int) -> None:
    hz = band_centres_hz(MUSICNN_96)[band]
    tone = np.sin(2 * np.pi * hz * np.arange(16_000) / MUSICNN_96.sample_rate_hz).astype(np.float32)

    assert int(mel_power(tone, MUSICNN_96, 10, 1)[0].argmax()) == band
