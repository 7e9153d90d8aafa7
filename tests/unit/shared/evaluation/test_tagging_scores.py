"""Multi-label scores against published results, scikit-learn and closed forms."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.evaluation.tagging_scores import best_f1_thresholds, tagging_scores

LOSSES = ("bce", "cb_focal_loss", "db_focal_loss", "focal_loss")


@pytest.fixture(scope="module")
def usc_sail() -> Mapping[str, Any]:
    """Truth and predictions on MediaEval 2020's test set, published by usc-sail/media-eval-2020."""
    folder = os.environ.get("NEEDLEDROP_TEST_USC_SAIL")
    if not folder:
        pytest.skip("NEEDLEDROP_TEST_USC_SAIL names no folder of published predictions")
    with np.load(Path(folder, "test_all_data_standard_sampling.npz")) as arrays:
        found = {name: arrays[name] for name in ("truth", *LOSSES)}
    return found | {"ensemble": np.mean([found[loss].astype(np.float64) for loss in LOSSES], axis=0)}


@pytest.mark.parametrize(
    ("prediction", "roc_auc_macro", "pr_auc_macro"),
    [("ensemble", 0.7812, 0.1610), ("focal_loss", 0.7783, 0.1561), ("bce", 0.7655, 0.1501)],
)
def test_scores_reproduce_the_published_result(
    usc_sail: Mapping[str, Any], prediction: str, roc_auc_macro: float, pr_auc_macro: float
) -> None:
    scores = tagging_scores(usc_sail["truth"], usc_sail[prediction])

    assert round(scores.roc_auc_macro, 4) == roc_auc_macro
    assert round(scores.pr_auc_macro, 4) == pr_auc_macro


def test_scores_equal_scikit_learns_when_scores_have_ties() -> None:
    metrics: Any = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    truth = rng.random((200, 5)) < 0.2
    said = np.round(np.clip(truth * 0.2 + rng.random((200, 5)), 0, 1), 1)
    thresholds = [0.5, 0.6, 0.7, 0.8, 0.9]

    scores = tagging_scores(truth, said, thresholds)

    for average in ("macro", "micro"):
        roc, pr = (getattr(scores, f"{area}_auc_{average}") for area in ("roc", "pr"))
        assert roc == pytest.approx(metrics.roc_auc_score(truth, said, average=average))
        assert pr == pytest.approx(metrics.average_precision_score(truth, said, average=average))
        assert getattr(scores, f"f1_{average}") == pytest.approx(
            metrics.f1_score(truth, said >= np.array(thresholds), average=average)
        )


def test_tag_that_nobody_has_is_left_out_of_macro_scores() -> None:
    truth = np.array([[1, 0], [0, 0], [1, 0]])
    said = np.array([[0.9, 0.5], [0.2, 0.5], [0.8, 0.5]])

    scores = tagging_scores(truth, said)

    assert np.isnan(scores.roc_auc[1])
    assert (scores.roc_auc_macro, scores.pr_auc_macro) == (1.0, 1.0)


def test_thresholds_give_each_tag_its_best_f1() -> None:
    rng = np.random.default_rng(4)
    truth = rng.random((120, 4)) < 0.3
    said = np.round(truth * 0.3 + rng.random((120, 4)) * 0.7, 2)

    chosen = tagging_scores(truth, said, best_f1_thresholds(truth, said).tolist()).f1

    tried = [tagging_scores(truth, said, [t] * 4).f1 for t in np.linspace(0, 1, 101)]
    assert chosen == pytest.approx(np.max([f1 for f1 in tried if f1 is not None], axis=0))


def test_tag_without_tracks_is_never_given() -> None:
    thresholds = best_f1_thresholds([[1, 0], [0, 0]], [[0.7, 0.9], [0.1, 0.9]])

    assert thresholds.tolist() == [0.7, float("inf")]


@pytest.mark.parametrize(
    ("truth", "said"),
    [([[1, 0]], [[0.5]]), ([1, 0], [0.5, 0.5]), ([[1], [0]], [[0.5], [float("nan")]]), ([[1], [1]], [[0.5], [0.5]])],
)
def test_arrays_that_cannot_be_scored_are_refused(truth: list[Any], said: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"shape|number|no tag"):
        tagging_scores(truth, said)
