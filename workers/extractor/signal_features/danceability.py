"""Danceability: tempo, beat strength and regularity, as Spotify's wording lists them."""

import math

import numpy as np

from workers.extractor.signal_features.periodicity import Periodicity, near, reachable
from workers.extractor.signal_features.timbre import Timbre

# People like to move at 2 Hz (MacDougall and Moore 2005, "Marching to the beat of the same drummer"); half an octave
# off is still dance music, an octave is not.
_BEST_BPM = 118.0
_WIDTH_OCTAVES = 0.5
_BEAT, _REGULARITY, _TEMPO, _BASS = 0.4, 0.25, 0.2, 0.15
_STRONG_BEAT = 0.7  # autocorrelation of a drum machine alone
_MUCH_BASS = 0.25  # share of amplitude below 156 Hz, as in club music


def danceability(rhythm: Periodicity, bpm: float, pulse_clarity: float, timbre: Timbre) -> float:
    """Return danceability in [0, 1]; 0 for silence.

    ``bpm`` is the likeliest tempo, also where that is a guess: danceability falls smoothly as the beat gets weaker.
    """
    if bpm <= 0.0:
        return 0.0
    beat_s = 60.0 / bpm
    strength = float(near(rhythm.onsets, reachable(beat_s * np.array([1.0, 2.0, 4.0]), rhythm)).max())
    later = float(near(rhythm.onsets, reachable(beat_s * np.array([8.0, 12.0, 16.0]), rhythm)).max())
    strength = min(1.0, max(0.0, strength))
    beat = min(1.0, strength / _STRONG_BEAT)
    regularity = min(1.0, max(0.0, later) / max(strength, 1e-3)) * beat
    pace = math.exp(-0.5 * (math.log2(bpm / _BEST_BPM) / _WIDTH_OCTAVES) ** 2)
    # Without a beat neither its tempo nor bass makes one dance.
    heard = _TEMPO * pace + _BASS * min(1.0, timbre.bass / _MUCH_BASS)
    return _BEAT * beat + _REGULARITY * regularity + pulse_clarity * heard
