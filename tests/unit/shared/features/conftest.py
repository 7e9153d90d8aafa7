"""A builder of signal values."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.features import SignalFeatures

PLAIN = SignalFeatures(
    duration_ms=200_000,
    loudness=-10.0,
    tempo=120.0,
    tempo_confidence=0.9,
    tempo_alternative_bpm=60.0,
    tempo_alternative_weight=0.2,
    time_signature=4,
    time_signature_confidence=0.8,
    key=9,
    key_confidence=0.7,
    mode=1,
    mode_confidence=0.8,
    energy=0.6,
    energy_confidence=0.8,
    danceability=0.6,
    danceability_confidence=0.6,
    pulse_clarity=0.9,
    tonality=0.9,
    brightness=0.2,
    fullness=0.8,
    onset_rate_hz=4.0,
    dynamic_range_db=6.0,
    pauses=0.0,
    syllabic=0.3,
    applause=0.0,
)


@pytest.fixture(scope="session")
def a_signal() -> Callable[..., SignalFeatures]:
    """An ordinary pop song, changed as told."""

    def build(**changes: Any) -> SignalFeatures:
        return replace(PLAIN, **changes)

    return build
