"""Against the papers' formulas in NumPy's float64, written down again here; and where they must be plain BCE."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="training needs the extra `training` (make setup-training)")

from training.losses import (  # noqa: E402 - after the question whether torch is there
    Asymmetric,
    BinaryCrossEntropy,
    ClassBalancedFocal,
    DistributionBalancedFocal,
    Focal,
    LossName,
    TagLoss,
    loss_named,
)

Floats = NDArray[np.float64]
COUNTS = [1, 7, 40, 300, 1000]
N_TRACKS = 1200
ALPHA, GAMMA, BETA, LAMBDA = 0.25, 2.0, 0.995, 2.0


def _p(z: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-z)), np.float64)


def _log(p: Floats) -> Floats:
    """log p; the edge z = ±30 is within float64."""
    return np.log(p)


def _bce(z: Floats, y: Floats) -> Floats:
    return -(y * _log(_p(z)) + (1 - y) * _log(_p(-z)))


def _focal(z: Floats, y: Floats, alpha: float | None = ALPHA, gamma: float = GAMMA) -> Floats:
    p = _p(z)
    p_t, not_p_t = np.where(y == 1, p, _p(-z)), np.where(y == 1, _p(-z), p)
    alpha_t = 1.0 if alpha is None else np.where(y == 1, alpha, 1 - alpha)
    return np.asarray(-alpha_t * not_p_t**gamma * _log(p_t), np.float64)


def _cb(z: Floats, y: Floats) -> Floats:
    n = np.array(COUNTS, np.float64)
    weights = (1 - BETA) / (1 - BETA**n)
    return np.asarray(weights / weights.sum() * len(n) * _focal(z, y, None), np.float64)


def _db(z: Floats, y: Floats, kappa: float = 0.0) -> Floats:
    n = np.array(COUNTS, np.float64)
    nu = kappa * np.log(N_TRACKS / n - 1)
    with np.errstate(divide="ignore"):
        r = (1 / n) / (y @ (1 / n))[:, None]
    r_hat = 0.1 + _p(10 * (r - 0.2))
    positive = y * _focal(z - nu, np.ones_like(y))
    negative = (1 - y) / LAMBDA * _focal(LAMBDA * (z - nu), np.zeros_like(y))
    return np.asarray(r_hat * (positive + negative), np.float64)


def _db_sail(z: Floats, y: Floats) -> Floats:
    n = np.array(COUNTS, np.float64)
    with np.errstate(divide="ignore"):
        r_hat = 0.1 + _p(10 * ((1 / n) / (y @ (1 / n))[:, None] - 0.2))
    return np.asarray(r_hat * np.where(y == 1, 1, 1 / LAMBDA) * _focal(z, y), np.float64)


def _asymmetric(z: Floats, y: Floats) -> Floats:
    p = _p(z)
    p_m = np.maximum(p - 0.05, 0)
    return np.asarray(-(y * _log(p) + (1 - y) * p_m**4 * np.log(1 - p_m)), np.float64)


PAPERS: dict[LossName, Callable[[Floats, Floats], Floats]] = {
    LossName.BCE: _bce,
    LossName.FOCAL: _focal,
    LossName.CB: _cb,
    LossName.DB: _db,
    LossName.DB_SAIL: _db_sail,
    LossName.ASYMMETRIC: _asymmetric,
}


def _examples() -> tuple[Floats, Floats]:
    """Random logits and targets, and the edges: certain and wrong, exactly undecided, a track with no tag or all."""
    rng = np.random.default_rng(0)
    z, y = rng.normal(0, 3, (64, len(COUNTS))), (rng.random((64, len(COUNTS))) < 0.4).astype(np.float64)
    edges = np.array([30.0, -30.0, 0.0, 1e-6, -12.5])
    z = np.concatenate([z, [edges, edges, -edges, edges]])
    y = np.concatenate([y, [np.zeros(5), np.ones(5), np.ones(5), [1.0, 0, 1, 0, 1]]])
    return z, y


def _by_tag(loss: TagLoss, z: Floats, y: Floats) -> Floats:
    return np.asarray(loss.double().by_tag(torch.tensor(z), torch.tensor(y)).numpy(), np.float64)


@pytest.mark.parametrize("name", LossName)
def test_loss_is_what_its_paper_says(name: LossName) -> None:
    z, y = _examples()

    found = _by_tag(loss_named(name, COUNTS, N_TRACKS), z, y)

    np.testing.assert_allclose(found, PAPERS[name](z, y), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", LossName)
def test_loss_in_single_precision_is_within_a_millionth_of_the_larger_values(name: LossName) -> None:
    z, y = _examples()
    z32, y32 = torch.tensor(z, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)

    found = loss_named(name, COUNTS, N_TRACKS).by_tag(z32, y32).numpy()

    expected = PAPERS[name](z32.double().numpy(), y)
    np.testing.assert_allclose(found, expected, rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("name", LossName)
def test_loss_of_a_batch_is_the_sum_over_tags_and_the_mean_over_tracks(name: LossName) -> None:
    z, y = _examples()

    found = float(loss_named(name, COUNTS, N_TRACKS).double()(torch.tensor(z), torch.tensor(y)))

    assert found == pytest.approx(PAPERS[name](z, y).sum(axis=1).mean(), rel=1e-6)


@pytest.mark.parametrize("name", LossName)
def test_gradient_is_finite_even_for_certain_logits(name: LossName) -> None:
    z = torch.tensor([[-200.0, 200.0, 0.0, 90.0, -90.0]], requires_grad=True)

    for y in (torch.zeros(1, 5), torch.ones(1, 5)):
        loss_named(name, COUNTS, N_TRACKS)(z, y).backward()

    assert z.grad is not None
    assert torch.isfinite(z.grad).all()


def test_distribution_balanced_loss_shifts_logits_by_the_class_bias_where_kappa_is_given() -> None:
    z, y = _examples()

    found = _by_tag(DistributionBalancedFocal(COUNTS, N_TRACKS, kappa=0.05), z, y)

    np.testing.assert_allclose(found, _db(z, y, kappa=0.05), rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize(
    "loss",
    [
        BinaryCrossEntropy(),
        Focal(alpha=None, gamma=0),
        ClassBalancedFocal(COUNTS, beta=0, gamma=0),
        ClassBalancedFocal([50] * 5, gamma=0),
        DistributionBalancedFocal(COUNTS, N_TRACKS, alpha=None, gamma=0, rebalance=None, lam=1),
        DistributionBalancedFocal(COUNTS, N_TRACKS, alpha=None, gamma=0, rebalance=None, lam=1, tolerant_logits=False),
        Asymmetric(0, 0, 0),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_loss_is_bce_where_the_mathematics_says_so(loss: TagLoss) -> None:
    z, y = _examples()

    np.testing.assert_allclose(_by_tag(loss, z, y), _bce(z, y), rtol=1e-6, atol=1e-9)


def test_half_of_bce_is_focal_with_an_alpha_of_a_half() -> None:
    z, y = _examples()

    np.testing.assert_allclose(_by_tag(Focal(alpha=0.5, gamma=0), z, y), _bce(z, y) / 2, rtol=1e-9, atol=1e-12)


def test_class_balanced_weights_sum_to_the_number_of_tags_and_favour_the_rare() -> None:
    weights = ClassBalancedFocal(COUNTS).weights.numpy()

    assert weights.sum() == pytest.approx(len(COUNTS), rel=1e-6)
    assert list(weights) == sorted(weights, reverse=True)
    assert np.isfinite(ClassBalancedFocal([0, 3]).weights.numpy()).all()
