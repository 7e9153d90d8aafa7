"""Agreement of tempo and key, against mir_eval."""

import itertools
import math

import mir_eval
import numpy as np
import pytest

from shared.evaluation.audio_feature_scores import key_score, related_tempo, same_tempo

NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
KEYS = list(itertools.product(range(12), (0, 1)))


def named(key: int, mode: int) -> str:
    return f"{NAMES[key]} {'major' if mode else 'minor'}"


def test_key_score_is_that_of_mir_eval_for_all_pairs_of_keys() -> None:
    for truth, said in itertools.product(KEYS, KEYS):
        assert key_score(*truth, *said) == mir_eval.key.weighted_score(named(*truth), named(*said)), (truth, said)


def test_key_score_of_no_key_is_nothing_and_without_truth_undefined() -> None:
    assert key_score(0, 1, -1, 1) == 0.0
    assert math.isnan(key_score(-1, 1, 0, 1))


@pytest.mark.parametrize("ratio", [1 / 3, 0.48, 0.5, 0.9, 0.97, 1.0, 1.039, 1.041, 1.5, 2.0, 2.1, 3.0, 3.2, 4.0])
def test_tempo_agrees_as_mir_eval_counts_it(ratio: float) -> None:
    truth_bpm, bpm = 100.0, 100.0 * ratio
    # mir_eval compares pairs of tempi: with the truth twice, one of them found is Accuracy1.
    _, found, _ = mir_eval.tempo.detection(np.array([truth_bpm, truth_bpm]), 0.5, np.array([bpm, bpm]), tol=0.04)

    assert same_tempo(truth_bpm, bpm) == found
    assert related_tempo(truth_bpm, bpm) == any(
        mir_eval.tempo.detection(np.array([truth_bpm * octave] * 2), 0.5, np.array([bpm, bpm]), tol=0.04)[1]
        for octave in (1 / 3, 0.5, 1.0, 2.0, 3.0)
    )
