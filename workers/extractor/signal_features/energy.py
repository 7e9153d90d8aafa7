"""Energy: how intense an excerpt is, from loudness, attacks, brightness, fullness and lack of dynamics."""

import math

from workers.extractor.signal_features.timbre import Timbre

# Each part runs from 0 to 1 over what music does; the weights add up to one.
_QUIETEST_LUFS, _LOUDEST_LUFS = -42.0, -6.0
_LOUDNESS, _ATTACKS, _BRIGHTNESS, _FULLNESS, _DENSITY = 0.30, 0.16, 0.22, 0.18, 0.14
# The sum of a track is near the middle, as no part is ever alone: a logistic curve spreads sums over the scale, so that
# a solo piano is below 0.3 and metal above 0.85. At its steepest one decibel of gain is 0.016: 3 dB move energy by
# 0.048 at most.
_MIDDLE, _STEEPNESS = 0.58, 7.6
_MANY_ATTACKS_HZ = 6.0
_BRIGHT = (0.05, 0.45)  # shares of amplitude above 1.5 kHz: a soft piano, distorted guitars
_FULL = (0.5, 0.95)  # entropies: a solo flute, a wall of sound
_DYNAMIC_DB = 30.0


def energy(loudness_lufs: float | None, timbre: Timbre) -> float:
    """Return energy in [0, 1]; 0 for silence.

    Args:
        loudness_lufs: integrated loudness of the track; None for silence.
        timbre: of the excerpt.
    """
    if loudness_lufs is None or timbre.fullness <= 0.0:
        return 0.0
    parts = (
        _LOUDNESS * _between(loudness_lufs, _QUIETEST_LUFS, _LOUDEST_LUFS)
        + _ATTACKS * (1.0 - math.exp(-2.0 * timbre.onset_rate_hz / _MANY_ATTACKS_HZ))
        + _BRIGHTNESS * _between(timbre.brightness, *_BRIGHT)
        + _FULLNESS * _between(timbre.fullness, *_FULL)
        + _DENSITY * (1.0 - _between(timbre.dynamic_range_db, 0.0, _DYNAMIC_DB))
    )
    return 1.0 / (1.0 + math.exp(-_STEEPNESS * (parts - _MIDDLE)))


def _between(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))
