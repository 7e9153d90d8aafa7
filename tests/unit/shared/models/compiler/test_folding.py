"""Folding batch norms and constants."""

import numpy as np

from shared.models.compiler.architectures import Affine, Block, Convolution, Dense
from shared.models.compiler.folding import alive_positions, constant_response, folded, folded_dense
from shared.models.compiler.intervals import Interval
from shared.models.compiler.liveness import Channels


def test_folded_block_is_relu_then_batch_norm_and_a_dead_filter_its_constant() -> None:
    rng = np.random.default_rng(1)
    kernel, bias = rng.standard_normal((1, 1, 3, 4)), rng.standard_normal(4)
    norm = Affine(np.array([2.0, -2.0, 0.5, -0.5]), rng.standard_normal(4))
    bounds = Interval(np.array([0.0, 0, 7, 0]), np.array([1.0, 1, 7, 1]))
    inputs = rng.standard_normal((50, 3))
    order = np.array([3, 1, 2])

    block = folded(Block(Convolution(kernel, bias), norm), Channels.bounded(bounds), order)

    expected = np.maximum(inputs @ kernel[0, 0] + bias, 0) * norm.scale + norm.offset
    expected[:, 2] = 7  # dead: the middle of its bounds
    y = inputs @ block.kernel[0, 0] + block.clipping.bias
    clipped = np.where(block.clipping.rising, np.maximum(y, 0), np.minimum(y, 0))
    np.testing.assert_allclose(clipped + block.clipping.offset, expected[:, order], atol=1e-12)


def test_constant_response_is_a_convolution_of_constants_with_zeros_around_them() -> None:
    rng = np.random.default_rng(2)
    for n_kernel, n_frames in ((7, 20), (8, 20), (30, 12)):
        kernel, constants = rng.standard_normal((n_kernel, 2, 3, 4)), rng.standard_normal(3)
        before = (n_kernel - 1) // 2
        padded = np.zeros((n_frames + n_kernel - 1, 2, 3))
        padded[before : before + n_frames] = constants
        expected = [np.einsum("tbc,tbcf->f", padded[t : t + n_kernel], kernel) for t in range(n_frames)]

        np.testing.assert_allclose(constant_response(kernel, constants, n_frames, before), expected, atol=1e-12)


def test_dense_layer_swallows_the_batch_norm_before_it() -> None:
    rng = np.random.default_rng(3)
    dense = Dense(rng.standard_normal((5, 2)), rng.standard_normal(2))
    norm = Affine(rng.standard_normal(5), rng.standard_normal(5))
    inputs = rng.standard_normal((9, 5))

    found = folded_dense(dense, norm)

    np.testing.assert_allclose(
        inputs @ found.kernel + found.bias, (inputs * norm.scale + norm.offset) @ dense.kernel + dense.bias
    )


def test_a_sum_is_alive_where_any_term_is_and_the_first_terms_channels_come_first() -> None:
    def channels(*widths: float) -> Channels:
        return Channels.bounded(Interval(np.zeros(len(widths)), np.array(widths)))

    assert alive_positions(channels(0, 1, 0, 1), channels(1, 1, 0, 0)).tolist() == [1, 3, 0]
