"""Tempo of click trains: the answer is the number they were made with."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from workers.extractor.signal_features.frames import centred, low_rate
from workers.extractor.signal_features.onsets import onset_curves
from workers.extractor.signal_features.periodicity import periodicity
from workers.extractor.signal_features.tempo import CANDIDATES_BPM, Tempo, prior, tempo

Samples = npt.NDArray[np.float32]
Clicks = Callable[..., Samples]


def tapped(samples: npt.ArrayLike) -> Tempo:
    mono = centred(samples)
    return tempo(periodicity(onset_curves(mono, low_rate(mono))))


@pytest.mark.parametrize("bpm", range(40, 221, 10))
@pytest.mark.parametrize("swing", [0.0, 0.5, 1.0])
def test_tempo_is_that_of_the_clicks_with_and_without_swing(clicks: Clicks, bpm: float, swing: float) -> None:
    found = tapped(clicks(bpm, swing=swing))

    assert found.bpm == pytest.approx(bpm, rel=0.005)
    assert found.pulse_clarity == 1.0


def test_tempo_offers_half_or_double_as_the_alternative(clicks: Clicks) -> None:
    found = tapped(clicks(170.0))

    ratio = found.alternative_bpm / found.bpm
    assert min(abs(ratio - r) for r in (1 / 3, 1 / 2, 2 / 3, 3 / 2, 2.0, 3.0)) < 1e-6
    assert 0.0 <= found.alternative_weight <= 1.0


@pytest.mark.parametrize("seed", range(5))
def test_tempo_of_noise_is_zero_with_no_confidence(seed: int) -> None:
    found = tapped(np.random.default_rng(seed).standard_normal(30 * 16_000))

    assert (found.bpm, found.confidence, found.alternative_bpm) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("loudness", [0.02, 0.2])
def test_tempo_of_clicks_in_noise_is_theirs_or_none_but_never_another(clicks: Clicks, loudness: float) -> None:
    noise = np.random.default_rng(3).standard_normal(clicks(100.0).size)

    found = tapped(clicks(100.0) + loudness * noise)

    assert found.bpm == 0.0 or min(abs(found.bpm / 100.0 - ratio) for ratio in (0.5, 1.0, 2.0)) < 0.01


def test_tempo_of_silence_is_zero_with_no_confidence() -> None:
    found = tapped(np.zeros(16_000))

    assert (found.bpm, found.confidence, found.alternative_bpm) == (0.0, 0.0, 0.0)


def test_tempo_survives_a_drift_of_two_percent(clicks: Clicks) -> None:
    # 100 BPM that slows down and speeds up again: resampled by a slow wobble.
    straight = clicks(100.0)
    places = np.arange(straight.size)
    positions = places + 480.0 * np.sin(6 * np.pi * places / straight.size)

    found = tapped(np.interp(positions, places, straight))

    assert found.bpm == pytest.approx(100.0, rel=0.03)


def test_prior_leaves_room_for_extremes() -> None:
    at_centre, an_octave_off = prior(np.array([115.0])), prior(np.array([57.5, 230.0]))

    assert at_centre[0] == 0.0
    assert an_octave_off == pytest.approx(an_octave_off[::-1])
    assert -3.0 < an_octave_off.min() < -1.0
    assert CANDIDATES_BPM[0] == pytest.approx(40.0)
    assert CANDIDATES_BPM[-1] > 239.0
