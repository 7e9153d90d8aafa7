"""Scores on rendered music with known answers: what the documentation promises is what comes out."""

import csv
import os
from pathlib import Path

import mir_eval
import numpy as np
import pytest
import soundfile
import soxr

from shared.features import SignalFeatures
from workers.extractor.signal_features import SAMPLE_RATE_HZ, signal_features

NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
Row = dict[str, str]

pytestmark = pytest.mark.clips


@pytest.fixture(scope="module")
def answers() -> list[tuple[Row, SignalFeatures]]:
    """Each clip's row of the manifest and what we say of it."""
    folder = os.environ.get("NEEDLEDROP_TEST_RHYTHM")
    if not folder:
        pytest.skip("NEEDLEDROP_TEST_RHYTHM names no folder of rendered clips with a manifest.tsv")
    found = []
    with (Path(folder) / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            samples, rate_hz = soundfile.read(Path(folder) / row["file"], dtype="float32", always_2d=True)
            mono = soxr.resample(samples.mean(axis=1), rate_hz, SAMPLE_RATE_HZ)
            found.append((row, signal_features(mono, float(row["loudness_lufs"]))))
    return found


def test_tempo_has_the_octave_right_more_often_than_any_peer(answers: list[tuple[Row, SignalFeatures]]) -> None:
    ratios = np.array([found.tempo / float(row["tempo_bpm"]) for row, found in answers])

    assert (np.abs(ratios - 1) <= 0.04).mean() >= 0.90  # the best peer has 0.867
    assert np.any([np.abs(ratios / f - 1) <= 0.04 for f in (1, 2, 3, 1 / 2, 1 / 3)], axis=0).mean() >= 0.95


def test_tempo_confidence_is_higher_where_the_tempo_is_right(answers: list[tuple[Row, SignalFeatures]]) -> None:
    right = [abs(found.tempo / float(row["tempo_bpm"]) - 1) <= 0.04 for row, found in answers]
    confidences = np.array([found.tempo_confidence for _, found in answers])

    assert confidences[right].mean() > confidences[np.logical_not(right)].mean() + 0.1


def test_key_scores_above_every_peer(answers: list[tuple[Row, SignalFeatures]]) -> None:
    def name(key: int, mode: int) -> str:
        return f"{NAMES[key]} {'major' if mode else 'minor'}"

    scores = [
        mir_eval.key.weighted_score(name(int(row["key"]), int(row["mode"])), name(found.key, found.mode))
        for row, found in answers
    ]

    assert all(found.key >= 0 for _, found in answers)
    assert np.mean(scores) >= 0.95


def test_meter_and_mode_are_mostly_right(answers: list[tuple[Row, SignalFeatures]]) -> None:
    assert np.mean([found.time_signature == int(row["time_signature"]) for row, found in answers]) >= 0.88
    assert np.mean([found.mode == int(row["mode"]) for row, found in answers]) >= 0.95
