"""Tempo with the octave right: every candidate is scored at all metrical levels at once.

A beat of the right length recurs after whole numbers of beats and does *not* recur after fractions of one. Chords
hardly ever change between beats, often on the bar, and cymbals play what lies between beats. So a candidate is scored
by the autocorrelation of onsets, cymbals and harmonic change at ratios from a quarter of a beat to eight beats, against
a template, plus a prior. The template is a softmax regression over the candidates, ridge towards zero, fitted by
``benchmarks/tempo_template.py`` to rendered clips and to accompaniments made by formula, and cross-validated there
groove by groove. The prior is not fitted.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.ndimage import uniform_filter1d

from workers.extractor.signal_features.onsets import FRAME_RATE_HZ
from workers.extractor.signal_features.periodicity import Floats, Periodicity, near, reachable

# 1 % apart, below the 1.5 % within which a peak counts.
CANDIDATES_BPM: Final[Floats] = np.exp(np.arange(np.log(40.0), np.log(241.0), np.log(1.01)))
LEVELS: Final[Floats] = np.array([1 / 4, 1 / 3, 1 / 2, 2 / 3, 1.0, 3 / 2, 2.0, 3.0, 4.0, 8.0])  # in beats
CYMBAL_LEVELS: Final[Floats] = np.array([1 / 4, 1 / 2, 1.0, 2.0])

# Recorded music, and what people tap to, centres on about 115 BPM, two thirds of it within half an octave (Moelants
# 2002, "Preferred tempo reconsidered"). An octave off costs 2.5 nats, which clear evidence outweighs.
_PRIOR_CENTRE_BPM = 115.0
_PRIOR_WIDTH_OCTAVES = 0.45
# Pulses that are all alike, as a metronome's, are the beat, not a part of it: a candidate whose half or third recurs as
# strongly as one, two and four of it pays this. (Eighths in a real bar do not: kick and snare make two or four beats
# recur better.) For halves, and for thirds: less, as the equal eighths of a 6/8 arpeggio are three to a beat.
_EQUAL_PULSES_PENALTIES = np.array([7.0, 3.0])
_EQUAL_PULSES_RANGE = (0.95, 1.0)  # of the part to whole beats: the penalty begins, is in full

# Weights for `evidence`, from benchmarks/tempo_template.py (ridge 0.002).
TEMPLATE: Final[Floats] = np.array(
    [
        *(-0.9, 1.2, 0.9, -0.3, 1.3, 0.8, 0.9, 1.7, 3.1, 0.4),  # onsets: beats and bars recur, quarter beats do not
        *(0.6, 1.3, -0.6, 0.1, 0.6, 0.0, -0.6, 0.8, 2.1, 0.5),  # harmony: changes every four beats, not every half
        *(-0.7, 1.2, 2.5, 2.4),  # cymbals: may play halves, hardly quarters, of a beat
    ]
)

_NEIGHBOURHOOD = 9  # candidates, so 4 % to each side, are the same answer: the tolerance of the MIREX tempo task
_CLEAR_PULSE = 0.3  # autocorrelation of music with a beat: the quartile of rendered clips; noise stays below 0.1
_NO_PULSE = 0.08
# Below this there is no tempo: the prior alone gives the likeliest 8 % of tempi 0.11, so that is an answer without
# evidence, of music that recurs a third as well as a clear beat.
_NO_TEMPO_CONFIDENCE = 0.035
_RELATIVES = np.array([1 / 3, 1 / 2, 2 / 3, 3 / 2, 2.0, 3.0])


@dataclass(frozen=True, slots=True)
class Tempo:
    """The beat, what else it could be, and how sure we are."""

    bpm: float  # 0 when what recurs in the excerpt hardly tells one tempo from another
    likeliest_bpm: float  # the same, also where that is a guess; 0 for silence
    confidence: float  # [0, 1]
    alternative_bpm: float  # 0 when there is none
    alternative_weight: float  # [0, 1]: its share when it and the beat are the only two
    pulse_clarity: float  # [0, 1]: how strongly onsets recur after beats
    # The same of the most likely tempo, whether it recurs or not. Among many tempi one recurs a little by chance, in
    # speech, too: this one was not chosen for it.
    likeliest_clarity: float


def no_tempo(likeliest_bpm: float = 0.0, clarity: float = 0.0, likeliest_clarity: float = 0.0) -> Tempo:
    """Return what is said of an excerpt without a beat."""
    return Tempo(
        bpm=0.0,
        likeliest_bpm=likeliest_bpm,
        confidence=0.0,
        alternative_bpm=0.0,
        alternative_weight=0.0,
        pulse_clarity=clarity,
        likeliest_clarity=likeliest_clarity,
    )


def tempo(rhythm: Periodicity) -> Tempo:
    """Return the most likely tempo of an excerpt, and the runner-up among its metrical relatives.

    Where onsets hardly recur, there is no beat to give the tempo of: any number would be an accident, and another one
    once the same music is coded again.
    """
    if not rhythm.onsets.any():
        return no_tempo()
    scores = evidence(rhythm) @ TEMPLATE + prior(CANDIDATES_BPM) - equal_pulses(rhythm)
    masses = neighbourhood_masses(scores)
    clarities = pulse_clarity(rhythm, CANDIDATES_BPM)
    best = best_candidate(scores, masses, clarities)
    likeliest_clarity = float(clarities[best_candidate(scores, masses, np.ones_like(masses))])
    chosen, weight, clarity = float(CANDIDATES_BPM[best]), float(masses[best]), float(clarities[best])
    relatives = np.array([bpm for bpm in chosen * _RELATIVES if CANDIDATES_BPM[0] <= bpm <= CANDIDATES_BPM[-1]])
    relative_masses = np.interp(relatives, CANDIDATES_BPM, masses)
    other, other_weight = float(relatives[relative_masses.argmax()]), float(relative_masses.max())
    bpm = _refined(rhythm, chosen)
    confidence = min(1.0, weight) * clarity
    if confidence < _NO_TEMPO_CONFIDENCE:
        return no_tempo(bpm, clarity, likeliest_clarity)
    return Tempo(
        bpm=bpm,
        likeliest_bpm=bpm,
        confidence=confidence,
        alternative_bpm=bpm * other / chosen,
        alternative_weight=other_weight / (weight + other_weight),
        pulse_clarity=clarity,
        likeliest_clarity=likeliest_clarity,
    )


def evidence(rhythm: Periodicity, candidates_bpm: Floats = CANDIDATES_BPM) -> Floats:
    """Return what the template weighs, (n_candidates, 24): onsets, harmony at LEVELS; cymbals at CYMBAL_LEVELS."""
    beats_s = 60.0 / candidates_bpm[:, None]
    return np.concatenate(
        [
            near(rhythm.onsets, reachable(beats_s * LEVELS, rhythm)),
            near(rhythm.harmony, reachable(beats_s * LEVELS, rhythm)),
            near(rhythm.cymbals, reachable(beats_s * CYMBAL_LEVELS, rhythm)),
        ],
        axis=1,
    )


def prior(bpm: Floats) -> Floats:
    """Return the log of the prior: a normal distribution over octaves."""
    octaves = np.log2(bpm / _PRIOR_CENTRE_BPM) / _PRIOR_WIDTH_OCTAVES
    return -0.5 * octaves**2


def equal_pulses(rhythm: Periodicity) -> Floats:
    """Return the penalty of each candidate whose halves or thirds are no weaker than its beats."""
    beats_s = 60.0 / CANDIDATES_BPM
    parts = near(rhythm.amplitude, reachable(beats_s[:, None] / np.array([2.0, 3.0]), rhythm))
    longer = near(rhythm.amplitude, reachable(beats_s[:, None] * np.array([1.0, 2.0, 4.0]), rhythm)).max(axis=1)
    low, high = _EQUAL_PULSES_RANGE
    alike = np.clip((parts / np.maximum(longer, 0.1)[:, None] - low) / (high - low), 0.0, 1.0)
    penalties = (alike * _EQUAL_PULSES_PENALTIES).max(axis=1) * np.clip(longer, 0.0, 1.0)
    # What lies between two peaks of the parts would go free where its neighbours, the same tempo, pay.
    return np.asarray(uniform_filter1d(penalties, _NEIGHBOURHOOD, mode="nearest"))


def neighbourhood_masses(scores: Floats) -> Floats:
    """Return how likely it is that the tempo lies within 4 % of each candidate.

    A peak of the evidence is a few candidates wide, and wider at some levels than at others: what counts is its area.

    Args:
        scores: log-likelihoods up to a constant, shape (..., n_candidates).
    """
    likelihoods = np.exp(scores - scores.max(axis=-1, keepdims=True))
    likelihoods /= likelihoods.sum(axis=-1, keepdims=True)
    return np.asarray(uniform_filter1d(likelihoods, _NEIGHBOURHOOD, axis=-1, mode="constant")) * _NEIGHBOURHOOD


def best_candidate(scores: Floats, masses: Floats, clarities: Floats) -> int:
    """Return the index of the highest score inside the neighbourhood that is most likely and recurs.

    Likelihoods are relative: where little speaks for any tempo, the prior's favourite would win though nothing recurs
    after its beats. All of shape (n_candidates,).
    """
    confidences = masses * clarities
    likeliest = (confidences if confidences.any() else masses).argmax()
    first = max(0, int(likeliest) - _NEIGHBOURHOOD // 2)
    return first + int(scores[first : first + _NEIGHBOURHOOD].argmax())


def pulse_clarity(rhythm: Periodicity, bpm: Floats) -> Floats:
    """Return how strongly onsets recur after one, two or four beats, from 0 (as in noise) to 1 (a clear beat).

    Args:
        rhythm: of an excerpt.
        bpm: tempi, shape (n,), as what is returned.
    """
    lags_s = reachable(60.0 / bpm[:, None] * np.array([1.0, 2.0, 4.0]), rhythm)
    recurrence = near(rhythm.onsets, lags_s).max(axis=1)
    return np.asarray(np.clip((recurrence - _NO_PULSE) / (_CLEAR_PULSE - _NO_PULSE), 0.0, 1.0))


def _refined(rhythm: Periodicity, bpm: float) -> float:
    """Return the tempo near ``bpm`` whose beats recur best: long lags tell 0.1 % apart."""
    finer = bpm * np.exp(np.linspace(-0.02, 0.02, 81))
    lags = reachable(60.0 / finer[:, None] * np.array([1.0, 2.0, 4.0, 8.0]), rhythm)
    recurrence = np.interp(lags * FRAME_RATE_HZ, np.arange(len(rhythm.onsets)), rhythm.onsets).sum(axis=1)
    return float(finer[recurrence.argmax()])
