"""Meter of accented clicks, whose bars are known."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from workers.extractor.signal_features.frames import centred, low_rate
from workers.extractor.signal_features.meter import Meter, meter
from workers.extractor.signal_features.onsets import onset_curves
from workers.extractor.signal_features.periodicity import periodicity

Samples = npt.NDArray[np.float32]
Clicks = Callable[..., Samples]


def counted(samples: npt.ArrayLike, bpm: float) -> Meter:
    mono = centred(samples)
    return meter(periodicity(onset_curves(mono, low_rate(mono))), bpm, 1.0)


@pytest.mark.parametrize("n", [3, 4, 5, 7])
@pytest.mark.parametrize("bpm", [90.0, 140.0])
def test_meter_is_what_kick_and_snare_repeat_after(clicks: Clicks, n: int, bpm: float) -> None:
    kick = clicks(bpm, accents=(1.0,) + (0.0,) * (n - 1), hz=120.0)
    snare = clicks(bpm, accents=(0.0, 0.0, 1.0) + (0.0,) * (n - 3), hz=2_500.0)

    found = counted(kick + snare, bpm)

    assert found.time_signature == n
    assert found.confidence > 0.5


def test_meter_of_even_clicks_is_four(clicks: Clicks) -> None:
    assert counted(clicks(120.0), 120.0).time_signature == 4


def test_meter_is_six_when_slow_beats_are_divided_in_three(clicks: Clicks) -> None:
    eighths = clicks(180.0, accents=(1.0, 0.3, 0.3), hz=2_500.0)
    beats = clicks(60.0, hz=150.0)

    assert counted(eighths + beats, 60.0).time_signature == 6


def test_meter_without_a_beat_is_four_with_no_confidence(clicks: Clicks) -> None:
    assert counted(clicks(120.0), 0.0) == Meter(4, 0.0)
    assert counted(clicks(60.0, duration_s=2.0), 60.0) == Meter(4, 0.0)
