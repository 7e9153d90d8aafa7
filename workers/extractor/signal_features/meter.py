"""Meter from the beat: bars make beats recur after 3, 4, 5 or 7 of them better than after other numbers.

The contrast of a meter is the mean autocorrelation (onsets and harmonic change) at whole bars minus that at other whole
numbers of beats, over the first eight beats. Two beats are left out of the comparison for four (a bar of 4/4 repeats
halfway) and 4/4 is preferred when contrasts are close, as most music is in it. Six is told from the subdivision: slow
felt beats in three, none of them a backbeat.
"""

from dataclasses import dataclass

import numpy as np

from workers.extractor.signal_features.periodicity import Floats, Periodicity, near

_N_BEATS = 8  # two bars of four; longer lags mostly say that the tempo was not exact
# What a meter's contrast must exceed that of 4/4 by. About nine tracks of ten are in 4/4, one in 3/4, and few in five
# or seven.
_HANDICAPS = {3: 0.1, 4: 0.0, 5: 0.15, 7: 0.15}
_CONTRAST_SCALE = 0.08  # of the softmax that makes contrasts a confidence: a lead of 0.08 means odds of e to 1

_COMPOUND_MAX_BPM = 100.0  # felt beats of 6/8; in faster threes the threes themselves are felt, as swing or a waltz
_COMPOUND_MIN_THIRDS = 0.2  # autocorrelation at one and two thirds of a beat, ...
_COMPOUND_MIN_LEAD = 0.3  # ... and by how much both exceed that at a half
# A backbeat makes two beats recur better than one; 12/8 shuffles have one (and count as four), 6/8 does not.
_COMPOUND_MAX_BACKBEAT = 0.05


@dataclass(frozen=True, slots=True)
class Meter:
    """Beats in a bar and how sure we are."""

    time_signature: int  # 3 to 7
    confidence: float  # [0, 1]


def meter(rhythm: Periodicity, bpm: float, pulse_clarity: float) -> Meter:
    """Return the meter in which the beats of tempo ``bpm`` are grouped; 4 with confidence 0 without a tempo."""
    if bpm <= 0.0:
        return Meter(4, 0.0)
    beat_s = 60.0 / bpm
    n_beats = min(_N_BEATS, int(rhythm.longest_lag_s / beat_s))
    lags_s = beat_s * np.arange(1.0, n_beats + 1.0)
    recurrence: Floats = np.add(near(rhythm.onsets, lags_s), near(rhythm.harmony, lags_s))
    leads = {
        n: _contrast(recurrence, n) - handicap for n, handicap in _HANDICAPS.items() if n_beats > n
    }  # a bar is seen only with a beat after it
    if not leads:
        return Meter(4, 0.0)
    best = max(leads, key=leads.__getitem__)
    odds = np.exp((np.array(list(leads.values())) - leads[best]) / _CONTRAST_SCALE)
    confidence = float(pulse_clarity / odds.sum())
    if best == 4 and _is_compound(rhythm, bpm):
        return Meter(6, confidence * 0.5)  # 12/8 without a backbeat cannot be told from it
    return Meter(best, confidence)


def _contrast(recurrence: Floats, n: int) -> float:
    beats = np.arange(1, len(recurrence) + 1)
    bars = beats % n == 0
    others = beats % 2 != 0 if n == 4 else ~bars
    return float(recurrence[bars].mean() - recurrence[others].mean())


def _is_compound(rhythm: Periodicity, bpm: float) -> bool:
    if bpm > _COMPOUND_MAX_BPM:
        return False
    thirds = near(rhythm.onsets, 60.0 / bpm * np.array([1 / 3, 2 / 3])).min()
    half, one, two = near(rhythm.onsets, 60.0 / bpm * np.array([1 / 2, 1.0, 2.0]))
    divided_in_three = thirds >= _COMPOUND_MIN_THIRDS and thirds - half >= _COMPOUND_MIN_LEAD
    return bool(divided_in_three and two - one <= _COMPOUND_MAX_BACKBEAT)
