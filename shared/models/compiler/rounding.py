"""Round: a convolution's weights to 8 bits, so that what it answers to real inputs changes least.

Rounded one by one, the published networks' weights move clip means by up to 4.5e-2. Here, after GPTQ (Frantar et al.
2023, arXiv:2210.17323), what the rounding of one weight does is made good by those that are not rounded yet, weighed by
how the inputs of real patches go together.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from shared.models.compiler.architectures import Values

LARGEST: Final = 127
# Of the mean of the Gram matrix' diagonal: inputs that never move must not divide by nothing.
_DAMPING: Final = 0.01
_N_POSITIONS: Final = 30_000  # that a Gram matrix is made of; a kernel has 1,152 weights at most
_SEED: Final = 2210_17323


@dataclass(frozen=True, slots=True)
class Rounded:
    """Integer weights [n_inputs, n_filters] within +-127, and the step of each filter [n_filters]."""

    weights: NDArray[np.int8]
    steps: Values


def rounded(kernel: Values, gram: Values, least_steps: Values) -> Rounded:
    """Round a kernel [n_inputs, n_filters].

    Args:
        kernel: to be rounded.
        gram: [n_inputs, n_inputs], sums of products of real inputs.
        least_steps: [n_filters], below which no step may be.
    """
    steps = np.maximum(np.maximum(np.abs(kernel).max(axis=0) / LARGEST, least_steps), 1e-30)
    damped = gram + np.eye(len(gram)) * (_DAMPING * max(float(np.trace(gram)) / len(gram), 1e-12))
    # The rows of the inverse's Cholesky factor say how a weight's error is shared out to those behind it.
    shares = np.linalg.cholesky(np.linalg.inv(damped)).T
    left = kernel.copy()
    weights = np.zeros(kernel.shape, np.int8)
    for row in range(len(kernel)):
        weights[row] = np.clip(np.rint(left[row] / steps), -LARGEST, LARGEST)
        error = (left[row] - weights[row] * steps) / shares[row, row]
        left[row + 1 :] -= np.outer(shares[row, row + 1 :], error)
    return Rounded(weights, steps)


def gram_matrix(values: NDArray[np.float32], window: tuple[int, int], pads: tuple[int, int, int, int]) -> Values:
    """How the inputs of a convolution go together, on some of its positions.

    Args:
        values: [n, channels, rows, columns].
        window: rows and columns of the kernel.
        pads: zeros before (rows, columns) and behind.
    Returns: [inputs, inputs], in the order of a kernel [rows, columns, channels].
    """
    padded = np.pad(values, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    windows = sliding_window_view(padded, window, axis=(2, 3))  # [n, channels, rows, columns, *window]
    n, n_channels, n_rows, n_columns = windows.shape[:4]
    rng = np.random.default_rng(_SEED)
    n_taken = min(_N_POSITIONS, n * n_rows * n_columns)
    patch, row, column = np.unravel_index(
        rng.choice(n * n_rows * n_columns, n_taken, replace=False), (n, n_rows, n_columns)
    )
    n_inputs = window[0] * window[1] * n_channels
    gram = np.zeros((n_inputs, n_inputs))
    for part in np.array_split(np.arange(n_taken), max(1, n_taken // 5_000)):
        taken = windows[patch[part], :, row[part], column[part]]  # [positions, channels, *window]
        inputs = taken.transpose(0, 2, 3, 1).reshape(len(part), -1).astype(np.float32)
        gram += inputs.T @ inputs
    return gram
