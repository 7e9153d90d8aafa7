"""Meter of accented clicks, whose bars are known."""

import pytest

from workers.extractor.signal_features.frames import centred, low_rate
from workers.extractor.signal_features.meter import Meter, meter
from workers.extractor.signal_features.onsets import onset_curves
from workers.extractor.signal_features.periodicity import periodicity


def counted(samples, bpm) -> Meter:  # type: ignore[no-untyped-def]
    mono = centred(samples)
    return meter(periodicity(onset_curves(mono, low_rate(mono))), bpm, 1.0)


@pytest.mark.parametrize("n", [3, 4, 5, 7])
@pytest.mark.parametrize("bpm", [90.0, 140.0])
def test_meter_is_the_distance_of_accents(clicks, n, bpm):  # type: ignore[no-untyped-def]
    soft_beats = clicks(bpm, accents=(0.0,) + (1.0,) * (n - 1), hz=2_500.0)
    downbeats = clicks(bpm, accents=(1.0,) + (0.0,) * (n - 1), hz=120.0)

    found = counted(soft_beats + downbeats, bpm)

    assert found.time_signature == n
    assert found.confidence > 0.3


def test_meter_of_even_clicks_is_four(clicks):  # type: ignore[no-untyped-def]
    assert counted(clicks(120.0), 120.0).time_signature == 4


def test_meter_is_six_when_slow_beats_are_divided_in_three(clicks):  # type: ignore[no-untyped-def]
    eighths = clicks(180.0, accents=(1.0, 0.3, 0.3), hz=2_500.0)
    beats = clicks(60.0, hz=150.0)

    assert counted(eighths + beats, 60.0).time_signature == 6


def test_meter_without_a_beat_is_four_with_no_confidence(clicks):  # type: ignore[no-untyped-def]
    assert counted(clicks(120.0), 0.0) == Meter(4, 0.0)
    assert counted(clicks(60.0, duration_s=2.0), 60.0) == Meter(4, 0.0)
