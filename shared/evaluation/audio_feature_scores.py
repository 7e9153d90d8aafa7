"""How far tempo and key agree with others' answers, as MIREX counts it."""

import math

_TEMPO_TOLERANCE = 0.04  # of the true tempo (MIREX, Gouyon et al. 2006)
_TEMPO_OCTAVES = (1.0, 2.0, 0.5, 3.0, 1 / 3)
_EXACT, _FIFTH, _RELATIVE, _PARALLEL = 1.0, 0.5, 0.3, 0.2
_RELATIVE_MINOR = 9  # semitones from a major tonic up to the tonic of its relative minor


def same_tempo(true_bpm: float, bpm: float) -> bool:
    """Whether a tempo is within 4 % of the true one (MIREX Accuracy1)."""
    return abs(bpm - true_bpm) <= _TEMPO_TOLERANCE * true_bpm


def related_tempo(true_bpm: float, bpm: float) -> bool:
    """Whether it is within 4 % of the true one, its double, half, triple or third (MIREX Accuracy2)."""
    return any(same_tempo(true_bpm * octave, bpm) for octave in _TEMPO_OCTAVES)


def key_score(true_key: int, true_mode: int, key: int, mode: int) -> float:
    """Return 1 for the same key, 0.5 for a fifth above, 0.3 for the relative, 0.2 for the parallel one, else 0.

    Args:
        true_key: 0 = C to 11 = B, -1 for none.
        true_mode: 1 major, 0 minor.
        key: as true_key.
        mode: as true_mode.
    Returns: NaN where there is no true key.
    """
    if true_key < 0:
        return math.nan
    if key < 0:
        return 0.0
    above = (key - true_key) % 12
    if mode == true_mode:
        return {0: _EXACT, 7: _FIFTH}.get(above, 0.0)
    relative = _RELATIVE_MINOR if true_mode == 1 else 12 - _RELATIVE_MINOR
    return {0: _PARALLEL, relative: _RELATIVE}.get(above, 0.0)
