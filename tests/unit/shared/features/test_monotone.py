"""Monotone maps against curves that are known, and errors that the fit has not seen."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from shared.features.monotone import LEAST_PAIRS, fit, monotone_map

SHARES = st.floats(0.0, 1.0)


def test_monotone_map_finds_the_curve_that_made_the_pairs() -> None:
    rng = np.random.default_rng(1)
    ours = rng.random(4_000)

    curve = monotone_map(ours, ours**2)

    assert [curve(x) for x in (0.1, 0.35, 0.5, 0.8)] == pytest.approx([0.01, 0.1225, 0.25, 0.64], abs=0.005)


def test_fit_halves_the_error_of_a_bent_scale_despite_noise() -> None:
    rng = np.random.default_rng(2)
    ours = rng.random(3_000)
    noise = rng.normal(0.0, 0.05, 3_000)
    theirs = np.clip(ours**2 + noise, 0.0, 1.0)

    found = fit(ours, theirs)

    assert found.helps
    assert found.error_before == pytest.approx(1 / 6, abs=0.02)  # the integral of x - x^2
    # What is left is the noise: the mean of |N(0, 0.05)| is 0.05 sqrt(2 / pi).
    assert found.error_after == pytest.approx(0.05 * math.sqrt(2 / math.pi), abs=0.004)
    assert found.error_after < found.error_of_the_mean
    assert found.rank_correlation == pytest.approx(spearmanr(ours, theirs).statistic)


def test_fit_does_not_help_where_scales_agree_already() -> None:
    rng = np.random.default_rng(3)
    ours = rng.random(60)

    found = fit(ours, ours)

    assert found.error_before == 0.0
    assert not found.helps


def test_fit_to_chance_is_no_better_than_the_mean() -> None:
    rng = np.random.default_rng(4)

    found = fit(rng.random(500), rng.random(500))

    assert found.error_after > 0.97 * found.error_of_the_mean
    assert abs(found.rank_correlation) < 0.1


@given(st.lists(st.tuples(SHARES, SHARES), min_size=LEAST_PAIRS, max_size=80))
def test_fit_of_any_pairs_rises_and_stays_on_the_scale(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = zip(*pairs, strict=True)

    found = fit(ours, theirs)

    mapped = [found.map(value) for value in np.linspace(0.0, 1.0, 50)]
    assert mapped == sorted(mapped)
    assert min(theirs) - 1e-4 <= mapped[0] <= mapped[-1] <= max(theirs) + 1e-4
    assert 0.0 <= found.error_after <= 1.0


def test_fit_of_tracks_that_are_all_alike_has_one_knot_and_no_ranks() -> None:
    found = fit([0.5] * 20, [0.2] * 10 + [0.4] * 10)

    assert found.map.knots == ((0.5, 0.3),)
    assert math.isnan(found.rank_correlation)
