"""All signal features of one excerpt: ranges, odd inputs, gain, and what they say of opposites."""

import math
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pytest
import scipy.signal

from shared.features import SignalFeatures, complete
from workers.extractor.signal_features import signal_features

Samples = npt.NDArray[np.float32]
Clicks = Callable[..., Samples]
Chords = Callable[..., Samples]

RNG = np.random.default_rng(11)
ODD_INPUTS = {
    "nothing": np.zeros(0),
    "one sample": np.ones(1),
    "two samples": np.array([1.0, -1.0]),
    "silence": np.zeros(480_000),
    "offset only": np.full(48_000, 0.7),
    "dither": 1e-5 * RNG.standard_normal(160_000),
    "noise": RNG.standard_normal(480_000),
    "short noise": RNG.standard_normal(700),
    "half a second": RNG.standard_normal(8_000),
    "one impulse": np.eye(1, 160_000, 80_000)[0],
    "not numbers": np.array([np.nan, np.inf, -np.inf] * 8_000),
    "some not numbers": np.where(RNG.random(48_000) < 0.01, np.nan, RNG.standard_normal(48_000)),
    "huge": 1e38 * RNG.standard_normal(48_000),
    "beyond float32": 1e300 * RNG.standard_normal(48_000),
    "square wave": np.sign(np.sin(np.arange(160_000) * 0.1)),
    "integers": (3_000 * RNG.standard_normal(48_000)).astype(np.int16),
}


UNBOUNDED = {"duration_ms", "loudness", "key", "tempo", "tempo_alternative_bpm", "onset_rate_hz", "dynamic_range_db"}


def in_range(found: SignalFeatures) -> None:
    """Every value is finite, and within its range."""
    for name, value in asdict(found).items():
        if value is None:
            assert name == "loudness"
            continue
        assert math.isfinite(value), name
        if (
            name not in {"duration_ms", "loudness", "key"}
            and not name.endswith(("bpm", "hz", "db"))
            and name != "tempo"
        ):
            assert 0.0 <= value <= (7 if name == "time_signature" else 1), (name, value)
    assert -1 <= found.key <= 11
    assert 3 <= found.time_signature <= 7
    assert found.tempo >= 0.0


@pytest.mark.parametrize("name", ODD_INPUTS)
@pytest.mark.parametrize("loudness", [-10.0, None, -math.inf, math.nan])
def test_signal_features_are_finite_and_in_range_for_any_input(name: str, loudness: float | None) -> None:
    found = signal_features(ODD_INPUTS[name], loudness)

    in_range(found)
    complete(found, [])  # whose model checks the ranges of the event


@pytest.mark.parametrize("name", ["nothing", "one sample", "silence", "offset only", "dither", "noise", "short noise"])
def test_signal_features_are_unsure_where_there_is_no_music(name: str) -> None:
    found = signal_features(ODD_INPUTS[name], -20.0)

    assert found.key == -1
    assert (
        max(found.key_confidence, found.mode_confidence, found.tempo_confidence, found.time_signature_confidence) < 0.1
    )
    assert found.danceability_confidence < 0.2


@pytest.fixture(scope="module")
def song(clicks: Clicks, chords: Chords) -> Samples:
    """Four chords in C major, a bar each, with a beat at 120 BPM and hiss."""
    harmony = chords(0, ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7)), chord_s=2.0, repeats=4)[: 30 * 16_000]
    kick = clicks(120.0, accents=(1.0, 0.0), hz=90.0)
    snare = clicks(120.0, accents=(0.0, 1.0), hz=3_000.0)
    hats = clicks(240.0, hz=6_000.0)
    hiss = 1e-3 * np.random.default_rng(0).standard_normal(harmony.size).astype(np.float32)
    mixed: Samples = harmony + 0.6 * kick + 0.5 * snare + 0.1 * hats + hiss
    return mixed


def test_signal_features_of_a_song_made_by_formula(song: Samples) -> None:
    found = signal_features(song, -12.0)

    assert (found.key, found.mode, found.time_signature) == (0, 1, 4)
    assert found.tempo == pytest.approx(120.0, rel=0.002)
    assert found.tempo_confidence > 0.5
    assert found.duration_ms == 30_000


@pytest.mark.parametrize("gain_db", [-3.0, 3.0, -20.0])
def test_signal_features_do_not_depend_on_gain_but_for_energy(song: Samples, gain_db: float) -> None:
    before, after = (signal_features(song * g, -12.0 + db) for g, db in ((1.0, 0.0), (10 ** (gain_db / 20), gain_db)))

    moved = {name for name, value in asdict(before).items() if value != pytest.approx(getattr(after, name), abs=1e-3)}
    assert moved == {"loudness", "energy"}
    # The definition's bound: 0.3 of the sum over 36 dB, at a slope of 7.6 / 4.
    assert abs(after.energy - before.energy) <= 0.3 / 36 * 1.9 * abs(gain_db) + 1e-9
    assert (after.energy > before.energy) == (gain_db > 0)


def test_energy_and_danceability_rank_opposites(song: Samples, chords: Chords) -> None:
    pad = signal_features(chords(9, ((0, 3, 7),), chord_s=15.0), -30.0)
    band = signal_features(song, -8.0)

    assert band.energy > pad.energy + 0.25
    assert band.danceability > pad.danceability + 0.3


def test_signal_features_of_a_shorter_excerpt_are_less_sure(song: Samples) -> None:
    whole, part = signal_features(song, -12.0), signal_features(song[: 5 * 16_000], -12.0)

    assert part.key_confidence < whole.key_confidence
    assert part.tempo_confidence < whole.tempo_confidence
    in_range(part)


def clapping(n_people: int, seconds: float) -> Samples:
    """Everybody claps three to five times a second: bursts of noise around 1 to 2 kHz that last some milliseconds."""
    rng = np.random.default_rng(n_people)
    times = np.arange(480) / 16_000
    samples = np.zeros(round(seconds * 16_000) + times.size)
    for _ in range(n_people):
        hz, rate_hz, strength = rng.uniform(700, 2_500), rng.uniform(3, 5), rng.uniform(0.2, 1.0)
        band = scipy.signal.butter(1, (0.6 * hz, min(1.7 * hz, 7_900)), "band", fs=16_000, output="sos")
        clap = strength * scipy.signal.sosfilt(band, rng.standard_normal(times.size) * np.exp(-times / 0.006))
        for at_s in rng.uniform(0, 0.3) + np.arange(0, seconds - 0.4, 1 / rate_hz):
            start = round((at_s + rng.uniform(0, 0.04)) * 16_000)
            samples[start : start + times.size] += clap
    return np.asarray(samples, np.float32)


def test_applause_is_heard_in_clapping_and_behind_a_song_but_in_no_song(song: Samples) -> None:
    hands = clapping(120, 10.0)
    applauded = np.concatenate([song[: 20 * 16_000], hands / np.abs(hands).max()])

    assert signal_features(hands, -20.0).applause > 0.7
    assert 0.2 < signal_features(applauded, -20.0).applause < 0.4
    assert signal_features(song, -12.0).applause == 0.0
    assert signal_features(RNG.standard_normal(160_000), -12.0).applause == 0.0
