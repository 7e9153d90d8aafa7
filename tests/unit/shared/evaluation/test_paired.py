"""Whether one answer is better than another."""

import pytest

from shared.evaluation.paired import balanced_gain

GENRES = ["rock"] * 30 + ["jazz"] * 10


def groups(n_tracks_each: int) -> list[str]:
    return [str(i // n_tracks_each) for i in range(40)]


def test_gain_is_the_difference_of_balanced_accuracies() -> None:
    before = [True] * 15 + [False] * 15 + [False] * 10
    after = [True] * 30 + [True] * 2 + [False] * 8

    gain, interval = balanced_gain(GENRES, before, after, groups(1))

    assert gain == pytest.approx(((1.0 - 0.5) + (0.2 - 0.0)) / 2)
    assert 0 < interval.low < gain < interval.high


def test_the_same_tracks_in_fewer_groups_prove_less() -> None:
    before, after = [False] * 40, [i % 2 == 0 for i in range(20)] + [True] * 20

    _, many = balanced_gain(GENRES, before, after, groups(1))
    _, few = balanced_gain(GENRES, before, after, groups(10))

    assert few.high - few.low > many.high - many.low


def test_answers_that_are_alike_gain_nothing() -> None:
    right = [i % 3 == 0 for i in range(40)]

    gain, interval = balanced_gain(GENRES, right, right, groups(2))

    assert (gain, interval.low, interval.high) == (0.0, 0.0, 0.0)
