"""Fit the metrical template of the tempo estimator, and say how well it does on grooves that it has not seen.

    NEEDLEDROP_TEST_RHYTHM=folder python -m benchmarks.tempo_template

The folder holds rendered clips and ``manifest.tsv`` with columns file, groove, tempo_bpm. Prints the weights to paste
into ``workers/extractor/signal_features/tempo.py`` and the accuracy by groove-wise cross-validation. The prior and the
penalty for equal pulses are held fixed. Shared with ``features.py``: ``rhythm_clips``.
"""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.optimize
import soundfile
import soxr

from workers.extractor.signal_features import tempo
from workers.extractor.signal_features.frames import SAMPLE_RATE_HZ, Samples, low_rate
from workers.extractor.signal_features.onsets import onset_curves
from workers.extractor.signal_features.periodicity import periodicity

Floats = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]

N_FOLDS = 12
SEEDS = range(5)
RIDGES = (0.0005, 0.001, 0.002, 0.004)
RIDGE = 0.002
TOLERANCE = 0.04


def rhythm_clips(folder: Path) -> Iterator[tuple[dict[str, str], Samples]]:
    """Yield each manifest row with its clip, mono at 16 kHz."""
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            samples, rate_hz = soundfile.read(folder / row["file"], dtype="float32", always_2d=True)
            yield row, soxr.resample(samples.mean(axis=1), rate_hz, SAMPLE_RATE_HZ)


def fitted(evidence: Floats, truth: Truth, fixed: Floats, ridge: float) -> Floats:
    """Return the weights that make the true tempo likely: softmax over candidates, ridge towards zero.

    Args:
        evidence: (n_clips, n_candidates, n_weights).
        truth: (n_clips, n_candidates), which candidates are right.
        fixed: (n_clips, n_candidates), what is added to the score and not fitted.
        ridge: penalty on the squared weights.
    """

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = evidence @ weights + fixed
        likelihoods = np.exp(scores - scores.max(axis=1, keepdims=True))
        all_ = likelihoods.sum(axis=1, keepdims=True)
        right = (likelihoods * truth).sum(axis=1, keepdims=True) + 1e-30
        slope = likelihoods / all_ - likelihoods * truth / right
        gradient = np.einsum("kc,kcw->w", slope, evidence) / len(evidence) + 2.0 * ridge * weights
        return float(np.log(all_ / right).mean() + ridge * weights @ weights), gradient

    start = np.zeros(evidence.shape[2])
    return np.asarray(scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B").x)


def accuracies(estimates: Floats, truths_bpm: Floats) -> tuple[float, float]:
    """Return Accuracy1 and Accuracy2 (also double, triple, half, a third) at 4 %."""
    ratios = estimates / truths_bpm
    hits = [np.abs(ratios / factor - 1.0) <= TOLERANCE for factor in (1.0, 2.0, 3.0, 1 / 2, 1 / 3)]
    return float(hits[0].mean()), float(np.any(hits, axis=0).mean())


def cross_validated(evidence: Floats, fixed: Floats, truths_bpm: Floats, grooves: list[str], ridge: float) -> Floats:
    """Return Accuracy1 and Accuracy2, mean over SEEDS of N_FOLDS-fold cross-validation; no groove is on both sides."""
    truth = right_candidates(truths_bpm)
    names = sorted(set(grooves))
    accuracies_by_seed = []
    for seed in SEEDS:
        order = np.random.default_rng(seed).permutation(len(names))
        fold_of = {names[groove]: place % N_FOLDS for place, groove in enumerate(order)}
        folds = np.array([fold_of[groove] for groove in grooves])
        estimates = np.zeros(len(grooves))
        for fold in range(N_FOLDS):
            seen, unseen = folds != fold, folds == fold
            weights = fitted(evidence[seen], truth[seen], fixed[seen], ridge)
            scores = evidence[unseen] @ weights + fixed[unseen]
            masses = tempo.neighbourhood_masses(scores)
            best = [tempo.best_candidate(*clip) for clip in zip(scores, masses, strict=True)]
            estimates[unseen] = tempo.CANDIDATES_BPM[best]
        accuracies_by_seed.append(accuracies(estimates, truths_bpm))
    return np.asarray(np.mean(accuracies_by_seed, axis=0))


def right_candidates(truths_bpm: Floats) -> Truth:
    """Return which candidates are within 3 % of the truth, shape (n_clips, n_candidates)."""
    return np.asarray(np.abs(np.log(tempo.CANDIDATES_BPM[None] / truths_bpm[:, None])) < 0.03)


def main() -> None:
    """Print the cross-validated accuracy for each ridge, then the weights fitted to all clips."""
    rows, rhythms = [], []
    for row, samples in rhythm_clips(Path(os.environ["NEEDLEDROP_TEST_RHYTHM"])):
        rows.append(row)
        rhythms.append(periodicity(onset_curves(samples, low_rate(samples))))
    truths_bpm = np.array([float(row["tempo_bpm"]) for row in rows])
    evidence = np.stack([tempo.evidence(rhythm) for rhythm in rhythms])
    fixed = np.stack([tempo.prior(tempo.CANDIDATES_BPM) - tempo.equal_pulses(rhythm) for rhythm in rhythms])
    for ridge in RIDGES:
        first, second = cross_validated(evidence, fixed, truths_bpm, [row["groove"] for row in rows], ridge)
        print(f"ridge {ridge}: Accuracy1 {first:.3f}, Accuracy2 {second:.3f} (groove-wise, {N_FOLDS} folds)")
    print(
        np.array2string(
            fitted(evidence, right_candidates(truths_bpm), fixed, RIDGE),
            precision=1,
            suppress_small=True,
            separator=", ",
        )
    )


if __name__ == "__main__":
    main()
