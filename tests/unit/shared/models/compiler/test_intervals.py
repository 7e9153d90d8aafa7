"""Interval arithmetic."""

import numpy as np

from shared.models.compiler.architectures import Affine, Convolution
from shared.models.compiler.intervals import Interval


def test_convolution_reaches_its_bounds_and_never_leaves_them() -> None:
    rng = np.random.default_rng(0)
    kernel, bias = rng.standard_normal((3, 2, 4, 5)), rng.standard_normal(5)
    low, high = -rng.random(4), rng.random(4)

    bounds = Interval(low, high).convolved(Convolution(kernel, bias))

    widest = np.where(kernel > 0, high[:, None], low[:, None])  # the input that pushes every filter up
    np.testing.assert_allclose((widest * kernel).sum((0, 1, 2)) + bias, bounds.high)
    narrowest = np.where(kernel > 0, low[:, None], high[:, None])
    np.testing.assert_allclose((narrowest * kernel).sum((0, 1, 2)) + bias, bounds.low)
    inputs = rng.uniform(low, high, (1000, 3, 2, 4))
    outputs = np.einsum("ntbc,tbcf->nf", inputs, kernel) + bias
    assert (outputs >= bounds.low).all()
    assert (outputs <= bounds.high).all()


def test_negative_scale_exchanges_the_bounds() -> None:
    mapped = Interval(np.array([1.0, 1.0]), np.array([3.0, 3.0])).mapped(
        Affine(np.array([2.0, -2.0]), np.array([0.5, 0.5]))
    )

    assert mapped.low.tolist() == [2.5, -5.5]
    assert mapped.high.tolist() == [6.5, -1.5]
    assert mapped.width.tolist() == [4.0, 4.0]
    assert mapped.middle.tolist() == [4.5, -3.5]


def test_relu_and_padding_move_bounds_to_zero() -> None:
    bounds = Interval(np.array([-2.0, 1.0]), np.array([-1.0, 2.0]))

    assert (bounds.rectified().low.tolist(), bounds.rectified().high.tolist()) == ([0, 1], [0, 2])
    assert (bounds.with_zero().low.tolist(), bounds.with_zero().high.tolist()) == ([-2, 0], [0, 2])
