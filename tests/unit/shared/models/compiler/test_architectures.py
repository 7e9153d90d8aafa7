"""Weights as layers, or a refusal."""

import re
from collections.abc import Callable

import numpy as np
import pytest

from schemas.errors import InvalidSettingError
from shared.models.bundle import Weights
from shared.models.compiler.architectures import read_musicnn, read_vgg
from shared.models.compiler.ensemble import Network


def test_musicnn_has_the_published_sizes(published: list[Network]) -> None:
    network = read_musicnn(published[0].weights)

    assert [block.convolution.kernel.shape for block in network.front_end] == [
        (7, 38, 1, 204),
        (7, 67, 1, 204),
        (128, 1, 1, 51),
        (64, 1, 1, 51),
        (32, 1, 1, 51),
    ]
    assert [block.convolution.kernel.shape for block in network.mid_end] == [(7, 1, 561, 64)] + 2 * [(7, 1, 64, 64)]
    assert network.hidden.kernel.shape == (1506, 200)


def test_batch_norm_is_folded_as_tensorflow_defines_it(published: list[Network]) -> None:
    weights = published[1].weights
    gamma, beta, mean, variance = (
        weights[f"batch_normalization_3/{role}"].astype(np.float64)
        for role in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    values = np.linspace(-3, 3, 128)

    norm = read_vgg(weights).blocks[2].norm

    np.testing.assert_allclose(
        norm.scale * values + norm.offset, gamma * (values - mean) / np.sqrt(variance + 0.001) + beta, rtol=1e-12
    )


def _without(name: str) -> Callable[[Weights], None]:
    return lambda weights: weights.__delitem__(name)


def _with(name: str, *shape: int, value: float = 1.0) -> Callable[[Weights], None]:
    return lambda weights: weights.__setitem__(name, np.full(shape, value, np.float32))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_without("conv2d_3/kernel"), "conv2d_3/kernel is missing"),
        (_without("batch_normalization_10/beta"), "batch_normalization_10/beta is missing"),
        (_with("conv2d_9/kernel", 7, 64, 1, 64), "unknown conv2d_9/kernel"),
        (_with("conv2d/kernel", 7, 40, 1, 204), "conv2d/kernel is [7, 40, 1, 204], not [7, 38, 1, None]"),
        (_with("conv2d/kernel", 7, 38, 1, 0), "conv2d/kernel is [7, 38, 1, 0]"),
        (_with("conv2d_1/bias", 203), "conv2d_1/bias is [203], not [204]"),
        (_with("dense/kernel", 1506, 200, value=np.nan), "dense/kernel has values that are not finite"),
        (_with("batch_normalization/moving_variance", 1, value=-1.0), "negative value: -1.0"),
    ],
)
def test_musicnn_refuses_weights_that_are_not_its_own(
    published: list[Network], spoil: Callable[[Weights], None], message: str
) -> None:
    weights = dict(published[0].weights)
    spoil(weights)

    with pytest.raises(InvalidSettingError, match=re.escape(message)):
        read_musicnn(weights)


def test_each_architecture_refuses_the_other(published: list[Network]) -> None:
    with pytest.raises(InvalidSettingError, match="not vgg's: 1CNN/kernel is missing"):
        read_vgg(published[0].weights)
    with pytest.raises(InvalidSettingError, match="not musicnn's: conv2d/kernel is missing"):
        read_musicnn(published[1].weights)


def test_musicnn_refuses_residual_layers_of_different_width(published: list[Network]) -> None:
    weights = dict(published[0].weights)
    weights["conv2d_7/kernel"] = weights["conv2d_7/kernel"][..., :63]
    for name in ("conv2d_7/bias", *(f"batch_normalization_8/{r}" for r in ("gamma", "beta"))):
        weights[name] = weights[name][:63]
    for role in ("moving_mean", "moving_variance"):
        weights[f"batch_normalization_8/{role}"] = weights[f"batch_normalization_8/{role}"][:63]

    with pytest.raises(InvalidSettingError, match=re.escape("differ in width: [64, 64, 63]")):
        read_musicnn(weights)
