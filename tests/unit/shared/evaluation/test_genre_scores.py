"""Genre scores on small tables counted by hand, and against scikit-learn."""

import math
from typing import Any

import numpy as np
import pytest

from shared.evaluation.genre_scores import genre_scores

GENRES = ("blues", "folk", "jazz", "rock")
#        truth   said first          among three
TABLE = [
    ("rock", [0.1, 0.0, 0.2, 0.7]),  # yes, yes
    ("rock", [0.1, 0.0, 0.3, 0.6]),  # yes, yes
    ("rock", [0.3, 0.4, 0.2, 0.1]),  # no,  no
    ("jazz", [0.1, 0.0, 0.3, 0.6]),  # no,  yes
    ("latin", [0.1, 0.0, 0.9, 0.0]),  # a genre that is not audible
]
TRUTH = [truth for truth, _ in TABLE]
SAID = [row for _, row in TABLE]


def test_scores_are_those_counted_by_hand() -> None:
    scores = genre_scores(TRUTH, GENRES, SAID)

    assert (scores.n, scores.n_inaudible, scores.true_genres) == (5, 1, ("jazz", "latin", "rock"))
    assert scores.top1 == pytest.approx(2 / 5)
    assert scores.top3 == pytest.approx(3 / 5)
    assert scores.balanced_accuracy == pytest.approx((0 + 0 + 2 / 3) / 3)
    assert scores.macro_top3 == pytest.approx((1 + 0 + 2 / 3) / 3)
    assert scores.confusion.tolist() == [[0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 2]]
    rock = next(g for g in scores.per_genre if g.genre == "rock")
    assert (rock.n_true, rock.n_said) == (3, 3)
    assert (rock.precision, rock.recall) == pytest.approx((2 / 3, 2 / 3))
    latin = next(g for g in scores.per_genre if g.genre == "latin")
    assert latin.recall == 0
    assert math.isnan(latin.precision)


def test_ece_is_the_weighted_gap_of_the_bins() -> None:
    scores = genre_scores(TRUTH, GENRES, SAID)

    gaps = {0.4: abs(0 - 0.4), 0.6: 2 * abs(0.5 - 0.6), 0.7: abs(1 - 0.7), 0.9: abs(0 - 0.9)}
    assert scores.ece == pytest.approx(sum(gaps.values()) / 5)
    assert [b.n for b in scores.reliability] == [1, 2, 1, 1]
    assert [b.confidence for b in scores.reliability] == pytest.approx([0.4, 0.6, 0.7, 0.9])


def test_calibrated_probabilities_have_almost_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.5, 1, 20_000)
    truth = ["rock" if right else "jazz" for right in rng.random(p.size) < p]

    honest = genre_scores(truth, ("jazz", "rock"), np.column_stack([1 - p, p]), n_resamples=0)
    boastful = genre_scores(truth, ("jazz", "rock"), np.column_stack([1 - p**0.2, p**0.2]), n_resamples=0)

    assert honest.ece < 0.015
    assert boastful.ece > 0.15


def test_group_scores_give_each_group_the_same_weight() -> None:
    scores = genre_scores(TRUTH, GENRES, SAID, groups=["a", "a", "b", "c", "c"])

    assert scores.group_top1 == pytest.approx((1 + 0 + 0) / 3)
    assert scores.group_top3 == pytest.approx((1 + 0 + 0.5) / 3)
    assert genre_scores(TRUTH, GENRES, SAID).group_top1 is None


def test_balanced_accuracy_and_macro_f1_equal_scikit_learns() -> None:
    metrics: Any = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(5)
    said = rng.dirichlet(np.ones(4), 300)
    truth = [GENRES[i] if rng.random() < 0.6 else GENRES[rng.integers(4)] for i in said.argmax(axis=1)]
    first = [GENRES[i] for i in said.argmax(axis=1)]

    scores = genre_scores(truth, GENRES, said, n_resamples=0)

    assert scores.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(truth, first))
    assert scores.macro_f1 == pytest.approx(metrics.f1_score(truth, first, average="macro"))
    assert scores.top1 == pytest.approx(metrics.accuracy_score(truth, first))


def test_interval_agrees_with_the_binomial_when_tracks_are_independent() -> None:
    right = np.arange(400) % 4 != 0  # 75 % of one genre
    said = np.where(right[:, None], [0.9, 0.1], [0.1, 0.9])

    interval = genre_scores(["jazz"] * 400, ("jazz", "rock"), said).intervals["top1"]

    half = 1.96 * math.sqrt(0.75 * 0.25 / 400)
    assert (interval.low, interval.high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.012)


def test_interval_is_wider_when_tracks_of_a_source_stand_and_fall_together() -> None:
    right = np.arange(400) // 100 != 0
    said = np.where(right[:, None], [0.9, 0.1], [0.1, 0.9])
    sources = [str(i // 100) for i in range(400)]

    alone = genre_scores(["jazz"] * 400, ("jazz", "rock"), said).intervals["top1"]
    grouped = genre_scores(["jazz"] * 400, ("jazz", "rock"), said, sources).intervals["top1"]

    assert grouped.high - grouped.low > 5 * (alone.high - alone.low)
    assert genre_scores(["jazz"] * 400, ("jazz", "rock"), said, sources, n_resamples=0).intervals == {}


@pytest.mark.parametrize(
    ("truth", "said", "groups"), [([], [], None), (["rock"], [[0.5, 0.5]], None), (["rock"], [SAID[0]], ["a", "b"])]
)
def test_tables_that_do_not_fit_are_refused(truth: list[str], said: list[Any], groups: list[str] | None) -> None:
    with pytest.raises(ValueError, match="probabilities of shape"):
        genre_scores(truth, GENRES, said, groups)


def test_true_probabilities_have_the_error_that_chance_gives_them() -> None:
    rng = np.random.default_rng(2)
    p = rng.uniform(0.5, 1, 400).reshape(20, 20)
    drawn = [
        genre_scores(
            ["rock" if right else "jazz" for right in rng.random(20) < row],
            ("jazz", "rock"),
            np.column_stack([1 - row, row]),
            n_resamples=0,
        )
        for row in p
    ]

    assert np.mean([one.ece for one in drawn]) == pytest.approx(np.mean([one.ece_by_chance for one in drawn]), abs=0.03)
    assert drawn[0].ece_by_chance > 0.1  # 20 tracks


def test_most_confused_pairs_come_by_how_often() -> None:
    truth = ["rock", "rock", "jazz", "rock", "latin"]
    said = [[0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 1, 0, 0]]

    scores = genre_scores(truth, GENRES, said, n_resamples=0)

    assert scores.most_confused(2) == (("rock", "folk", 2), ("jazz", "rock", 1))
    assert scores.most_confused(9)[2:] == (("latin", "folk", 1),)
