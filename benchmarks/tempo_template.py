"""Fit the metrical template of the tempo estimator, and say how well it does on grooves that it has not seen.

    NEEDLEDROP_TEST_RHYTHM=folder python -m benchmarks.tempo_template

The folder holds rendered clips and ``manifest.tsv`` with columns file, groove, tempo_bpm. Beside them stand the
accompaniments of ``grooves.py``, with a small weight: they are plainer than music, but of more styles and tempi. Prints
the accuracy by groove-wise cross-validation, on the clips and on the accompaniments, with and without the latter, then
the weights to paste into ``workers/extractor/signal_features/tempo.py``. The prior and the penalty for equal pulses are
held fixed. Shared with ``features.py``: ``rhythm_clips``.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.optimize
import soundfile
import soxr

from benchmarks.grooves import grooves_rendered
from workers.extractor.signal_features import tempo
from workers.extractor.signal_features.frames import SAMPLE_RATE_HZ, Samples, centred, low_rate
from workers.extractor.signal_features.onsets import onset_curves
from workers.extractor.signal_features.periodicity import periodicity

Floats = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]

N_FOLDS = 12
N_EACH = 4  # times that every accompaniment is played
MADE_WEIGHT = 0.18  # of one against a clip: all together about half of 60 clips
SEEDS = range(3)
RIDGE = 0.002
TOLERANCE = 0.04


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clips:
    """What is fitted to."""

    grooves: list[str]
    truths_bpm: Floats  # (n_clips,)
    made: npt.NDArray[np.bool_]  # (n_clips,): by formula
    evidence: Floats  # (n_clips, n_candidates, n_weights)
    fixed: Floats  # (n_clips, n_candidates): what is added to the score and not fitted
    clarities: Floats  # (n_clips, n_candidates): how strongly onsets recur after its beats


def rhythm_clips(folder: Path) -> Iterator[tuple[dict[str, str], Samples]]:
    """Yield each manifest row with its clip, mono at 16 kHz."""
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            samples, rate_hz = soundfile.read(folder / row["file"], dtype="float32", always_2d=True)
            yield row, soxr.resample(samples.mean(axis=1), rate_hz, SAMPLE_RATE_HZ)


def fitted(evidence: Floats, truth: Truth, fixed: Floats, shares: Floats) -> Floats:
    """Return the weights that make the true tempo likely: softmax over candidates, ridge towards zero.

    Args:
        evidence: (n_clips, n_candidates, n_weights).
        truth: (n_clips, n_candidates), which candidates are right.
        fixed: (n_clips, n_candidates), what is added to the score and not fitted.
        shares: (n_clips,), how much each counts.
    """
    shares = shares / shares.sum()

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = evidence @ weights + fixed
        likelihoods = np.exp(scores - scores.max(axis=1, keepdims=True))
        all_ = likelihoods.sum(axis=1, keepdims=True)
        right = (likelihoods * truth).sum(axis=1, keepdims=True) + 1e-30
        slope = (likelihoods / all_ - likelihoods * truth / right) * shares[:, None]
        gradient = np.einsum("kc,kcw->w", slope, evidence) + 2.0 * RIDGE * weights
        return float(shares @ np.log(all_ / right)[:, 0] + RIDGE * weights @ weights), gradient

    start = np.zeros(evidence.shape[2])
    return np.asarray(scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B").x)


def accuracies(estimates: Floats, truths_bpm: Floats) -> tuple[float, float]:
    """Return Accuracy1 and Accuracy2 (also double, triple, half, a third) at 4 %."""
    ratios = estimates / truths_bpm
    hits = [np.abs(ratios / factor - 1.0) <= TOLERANCE for factor in (1.0, 2.0, 3.0, 1 / 2, 1 / 3)]
    return float(hits[0].mean()), float(np.any(hits, axis=0).mean())


def cross_validated(clips: Clips, shares: Floats) -> tuple[Floats, Floats]:
    """Return Accuracy1 and Accuracy2 on rendered clips and on made ones, means over SEEDS of N_FOLDS-fold validation.

    No groove is on both sides. Clips of share 0 are only answered.
    """
    truth = right_candidates(clips.truths_bpm)
    names = sorted(set(clips.grooves))
    found = []
    for seed in SEEDS:
        order = np.random.default_rng(seed).permutation(len(names))
        fold_of = {names[groove]: place % N_FOLDS for place, groove in enumerate(order)}
        folds = np.array([fold_of[groove] for groove in clips.grooves])
        estimates = np.zeros(len(folds))
        for fold in range(N_FOLDS):
            seen, unseen = (folds != fold) & (shares > 0.0), folds == fold
            weights = fitted(clips.evidence[seen], truth[seen], clips.fixed[seen], shares[seen])
            scores = clips.evidence[unseen] @ weights + clips.fixed[unseen]
            masses = tempo.neighbourhood_masses(scores)
            clarities = clips.clarities[unseen]
            best = [tempo.best_candidate(*clip) for clip in zip(scores, masses, clarities, strict=True)]
            estimates[unseen] = tempo.CANDIDATES_BPM[best]
        found.append([accuracies(estimates[of], clips.truths_bpm[of]) for of in (~clips.made, clips.made)])
    rendered, made = np.mean(found, axis=0)
    return rendered, made


def right_candidates(truths_bpm: Floats) -> Truth:
    """Return which candidates are within 3 % of the truth, shape (n_clips, n_candidates)."""
    return np.asarray(np.abs(np.log(tempo.CANDIDATES_BPM[None] / truths_bpm[:, None])) < 0.03)


def all_clips(folder: Path) -> Clips:
    """Listen to the rendered clips of a folder and to the accompaniments made by formula."""
    tracks = [(row["groove"], float(row["tempo_bpm"]), samples) for row, samples in rhythm_clips(folder)]
    n_rendered = len(tracks)
    tracks += [(f"made {groove.name}", bpm, samples) for groove, bpm, samples in grooves_rendered(N_EACH)]
    rhythms = [periodicity(onset_curves(centred(samples), low_rate(centred(samples)))) for *_, samples in tracks]
    return Clips(
        grooves=[groove for groove, *_ in tracks],
        truths_bpm=np.array([bpm for _, bpm, _ in tracks]),
        made=np.arange(len(tracks)) >= n_rendered,
        evidence=np.stack([tempo.evidence(rhythm) for rhythm in rhythms]),
        fixed=np.stack([tempo.prior(tempo.CANDIDATES_BPM) - tempo.equal_pulses(rhythm) for rhythm in rhythms]),
        clarities=np.stack([tempo.pulse_clarity(rhythm, tempo.CANDIDATES_BPM) for rhythm in rhythms]),
    )


def main() -> None:
    """Print cross-validated accuracies with and without accompaniments, then the weights fitted to everything."""
    clips = all_clips(Path(os.environ["NEEDLEDROP_TEST_RHYTHM"]))
    shares = np.where(clips.made, MADE_WEIGHT, 1.0)
    print(f"groove-wise cross-validation, {N_FOLDS} folds: Accuracy1, Accuracy2")
    for name, of in (("fitted to both", shares), ("to clips only", np.where(clips.made, 0.0, 1.0))):
        rendered, made = cross_validated(clips, of)
        print(f"  {name:16s} rendered clips {rendered.round(3)}  accompaniments {made.round(3)}")
    weights = fitted(clips.evidence, right_candidates(clips.truths_bpm), clips.fixed, shares)
    print(np.array2string(weights, precision=1, suppress_small=True, separator=", "))


if __name__ == "__main__":
    main()
