"""Tempo and meter of accompaniments in many styles, made by formula: from slow ballads to punk, in 3, 4, 5, 6 and 7."""

import numpy as np
import pytest

from benchmarks.grooves import GROOVES, Groove, rendered
from shared.features import SignalFeatures
from workers.extractor.signal_features import signal_features

SEED = 17  # another one than the template is fitted with
BY_NAME = {groove.name: groove for groove in GROOVES}


def heard(groove: Groove, bpm: float) -> SignalFeatures:
    return signal_features(rendered(groove, bpm, SEED), -14.0)


@pytest.fixture(scope="module")
def answers() -> list[tuple[Groove, float, SignalFeatures]]:
    """Every groove in the middle of its range of tempi."""
    tempi = [float(np.sqrt(groove.bpm[0] * groove.bpm[1])) for groove in GROOVES]
    return [(groove, bpm, heard(groove, bpm)) for groove, bpm in zip(GROOVES, tempi, strict=True)]


def test_tempo_of_most_grooves_is_right_and_otherwise_mostly_a_level_of_it(
    answers: list[tuple[Groove, float, SignalFeatures]],
) -> None:
    ratios = np.array([found.tempo / bpm for _, bpm, found in answers])

    assert (np.abs(ratios - 1.0) <= 0.04).mean() >= 0.65
    assert np.any([np.abs(ratios / level - 1.0) <= 0.04 for level in (1, 2, 3, 1 / 2, 1 / 3)], axis=0).mean() >= 0.8


def test_a_wrong_octave_is_less_confident_than_a_right_one(
    answers: list[tuple[Groove, float, SignalFeatures]],
) -> None:
    right = np.array([abs(found.tempo / bpm - 1.0) <= 0.04 for _, bpm, found in answers])
    confidences = np.array([found.tempo_confidence for *_, found in answers])

    assert confidences[right].mean() > confidences[~right].mean()


@pytest.mark.parametrize(("name", "bpm"), [
    ("waltz", 90.0), ("country waltz", 120.0), ("five", 120.0), ("seven", 110.0), ("seven, grouped", 130.0),
    ("rock", 100.0), ("house", 124.0), ("bossa nova", 120.0), ("6/8, rolling", 65.0),
])  # fmt: skip
def test_meter_and_tempo_of_what_is_plain_to_hear(name: str, bpm: float) -> None:
    found = heard(BY_NAME[name], bpm)

    assert found.tempo == pytest.approx(bpm, rel=0.02)
    assert found.time_signature == BY_NAME[name].meter


@pytest.mark.parametrize(
    ("name", "bpm"), [("slow swing", 58.0), ("12/8", 65.0), ("doo-wop", 60.0), ("fast rock", 180.0)]
)
def test_extreme_tempi_are_told_or_offered_as_the_alternative(name: str, bpm: float) -> None:
    found = heard(BY_NAME[name], bpm)

    told = (found.tempo, found.tempo_alternative_bpm)
    assert min(abs(one / bpm - 1.0) for one in told) <= 0.04, told
