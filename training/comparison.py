"""`train compare`: which loss earns its place. Losses by seeds, with intervals, and what the ensemble adds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from schemas.errors import InvalidSettingError
from shared.evaluation.tagging_scores import TaggingScores, best_f1_thresholds, tagging_scores
from training.bootstrap import Floats, Interval, Resampled, interval, resampled, weights_of
from training.data.report import Part, parts_of
from training.export.calibration import calibration_error
from training.predictions import Predictions, load_run_predictions

BASELINE: Final = "bce"
_SEED: Final = 0  # of the resamples: the same tracks for everything that is compared
SCORES: Final = ("roc_auc", "pr_auc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: a member, the mean of a loss's seeds, or the ensemble.

    Attributes:
        kind: member, loss (its seeds' probabilities averaged) or ensemble.
        intervals: of macro ROC-AUC and PR-AUC.
        parts: PR-AUC of head, middle and tail.
        versus: the difference in PR-AUC to BCE of the same network and seeds; None for BCE itself and where it is not.
    """

    name: str
    kind: str
    intervals: Mapping[str, Interval]
    roc_auc_micro: float
    pr_auc_micro: float
    f1_macro: float
    f1_micro: float
    parts: Mapping[str, Interval]
    versus: Interval | None
    calibration_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All rows, and how much the ensemble adds to its best member (by validation) in PR-AUC and ROC-AUC."""

    rows: tuple[Row, ...]
    best_member: str
    gain: Mapping[str, Interval]
    n_tracks: int
    n_tags: int

    def fields(self) -> dict[str, object]:
        """All of it, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _System:
    name: str
    kind: str
    baseline: str | None  # name of the system that it is compared with
    test: Floats
    validation: Floats


def compared(folder: Path) -> Comparison:
    """Compare what one run trained, on its test tracks.

    Raises: InvalidSettingError when the folder is of no finished run.
    """
    for name in ("validation.npz", "test.npz"):
        if not (folder / name).is_file():
            raise InvalidSettingError(f"{folder} has no {name}: `needledrop train run` writes it when it is done")
    validation, test = (load_run_predictions(folder / name) for name in ("validation.npz", "test.npz"))
    systems = _systems(validation, test)
    weights = weights_of(len(test.truth), _SEED)
    scored = {system.name: resampled(test.truth, system.test, weights) for system in systems}
    parts = _parts(len(test.names))
    rows = tuple(_row(system, scored, validation, test, parts) for system in systems)
    on_validation = {
        name: tagging_scores(validation.truth, said).pr_auc_macro for name, said in validation.members.items()
    }
    best = max(on_validation, key=on_validation.__getitem__)
    return Comparison(
        rows=rows,
        best_member=best,
        gain={score: interval(scored["ensemble"].macro(score) - scored[best].macro(score)) for score in SCORES},
        n_tracks=len(test.truth),
        n_tags=len(test.names),
    )


def save_comparison(comparison: Comparison, folder: Path) -> None:
    """Write comparison.json."""
    (folder / "comparison.json").write_text(json.dumps(comparison.fields(), indent=2) + "\n")


def loss_and_seed(member: str) -> tuple[str, str, str]:
    """Network, loss and seed of a member's name: ``short-chunk-db-sail-0`` is short-chunk, db-sail, 0."""
    stem, _, seed = member.rpartition("-")
    network = next((n for n in ("short-chunk", "heads", "musicnn", "vgg") if stem.startswith(f"{n}-")), "")
    return network, stem.removeprefix(f"{network}-"), seed


def _systems(validation: Predictions, test: Predictions) -> list[_System]:
    def baseline(name: str) -> str | None:
        network, loss, seed = loss_and_seed(name)
        other = f"{network}-{BASELINE}-{seed}"
        return other if loss != BASELINE and other in test.members else None

    found = [_System(n, "member", baseline(n), test.members[n], validation.members[n]) for n in test.members]
    losses: dict[str, list[str]] = {}
    for name in test.members:
        losses.setdefault(loss_and_seed(name)[1], []).append(name)
    for loss, names in losses.items():
        means = [np.mean([p.members[name] for name in names], axis=0) for p in (test, validation)]
        other = BASELINE if loss != BASELINE and BASELINE in losses else None
        found.append(_System(loss, "loss", other, *means))
    return [
        *found,
        _System("ensemble", "ensemble", BASELINE if BASELINE in losses else None, test.mean, validation.mean),
    ]


def _parts(n_tags: int) -> dict[Part, list[int]]:
    """Columns by part: they are in the order of how frequent tags are in training."""
    parts = parts_of(n_tags)
    return {part: [i for i, one in enumerate(parts) if one is part] for part in Part}


def _row(
    system: _System,
    scored: Mapping[str, Resampled],
    validation: Predictions,
    test: Predictions,
    parts: Mapping[Part, Sequence[int]],
) -> Row:
    own = scored[system.name]
    thresholds = best_f1_thresholds(validation.truth, system.validation)
    scores: TaggingScores = tagging_scores(test.truth, system.test, thresholds.tolist())
    versus = None
    if system.baseline is not None:
        versus = interval(own.macro("pr_auc") - scored[system.baseline].macro("pr_auc"))
    return Row(
        name=system.name,
        kind=system.kind,
        intervals={score: interval(own.macro(score)) for score in SCORES},
        roc_auc_micro=scores.roc_auc_micro,
        pr_auc_micro=scores.pr_auc_micro,
        f1_macro=scores.f1_macro or 0.0,
        f1_micro=scores.f1_micro or 0.0,
        parts={part.value: interval(own.macro("pr_auc", list(tags))) for part, tags in parts.items() if tags},
        versus=versus,
        calibration_error=calibration_error(test.truth, system.test),
    )
