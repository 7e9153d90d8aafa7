import numpy as np
import pytest

from shared.evaluation.tagging_scores import tagging_scores
from training.bootstrap import Interval, interval, resampled, weights_of


def _problem(seed: int, n: int = 120, n_tags: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = (rng.random((n, n_tags)) < rng.uniform(0.05, 0.5, n_tags)).astype(np.float32)
    return truth, np.round(truth + rng.normal(0, 1, truth.shape), 1)  # rounded: ties


def test_scores_of_every_resample_are_those_of_tagging_scores_on_its_tracks() -> None:
    truth, scores = _problem(0)
    weights = weights_of(len(truth), seed=3, n_resamples=20)

    found = resampled(truth, scores, weights)

    for row, times in enumerate(weights):
        tracks = np.repeat(np.arange(len(truth)), times)
        expected = tagging_scores(truth[tracks], scores[tracks])
        np.testing.assert_allclose(found.roc_auc[row], expected.roc_auc, atol=1e-12)
        both = ~np.isnan(expected.roc_auc)
        np.testing.assert_allclose(found.pr_auc[row][both], expected.pr_auc[both], atol=1e-12)
        assert found.macro("roc_auc")[row] == pytest.approx(expected.roc_auc_macro)
        assert found.macro("pr_auc")[row] == pytest.approx(expected.pr_auc_macro)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Of means of 60 normal numbers, whose distribution is known, about 95 % of intervals hold the true mean."""
    rng = np.random.default_rng(1)
    hits = 0
    for trial in range(200):
        numbers = rng.normal(0, 1, 60)
        means = weights_of(60, seed=trial, n_resamples=300) @ numbers / 60
        found = interval(means)
        hits += found.low <= 0 <= found.high

    assert 0.89 < hits / 200 < 0.99


def test_interval_of_average_precision_lies_around_it_though_resamples_are_higher() -> None:
    rng = np.random.default_rng(4)
    truth = (rng.random((300, 12)) < 0.02).astype(np.float32)
    truth[0], truth[1] = 1, 0
    scores = truth + rng.normal(0, 1, truth.shape)

    rows = resampled(truth, scores, weights_of(300, seed=0, n_resamples=400)).macro("pr_auc")

    assert rows[1:].mean() > rows[0] + 0.01
    found = interval(rows)
    assert found.low < rows[0] < found.high
    assert abs((found.low + found.high) / 2 - rows[0]) < 0.2 * (found.high - found.low)


def test_difference_of_a_system_and_itself_is_nothing_and_a_better_one_excludes_zero() -> None:
    truth, scores = _problem(2, n=400)
    weights = weights_of(400, seed=0, n_resamples=200)
    worse = scores + np.random.default_rng(5).normal(0, 2, scores.shape)
    one, other = resampled(truth, scores, weights), resampled(truth, worse, weights)

    assert interval(one.macro("pr_auc") - one.macro("pr_auc")) == Interval(0.0, 0.0, 0.0)
    assert interval(one.macro("pr_auc") - other.macro("pr_auc")).low > 0
    assert interval(one.macro("pr_auc") - other.macro("pr_auc")).excludes_zero


def test_macro_leaves_out_tags_that_no_track_of_a_resample_has() -> None:
    truth = np.zeros((10, 2), np.float32)
    truth[:5, 0], truth[0, 1] = 1, 1
    weights = np.array([[1] * 10, [0] + [1] * 9])

    found = resampled(truth, np.arange(20, dtype=np.float64).reshape(10, 2), weights)

    assert not np.isnan(found.roc_auc[0]).any()
    assert np.isnan(found.roc_auc[1]).tolist() == [False, True]
    assert found.macro("roc_auc")[1] == found.roc_auc[1, 0]
