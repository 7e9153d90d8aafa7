"""Runs single convolutions of a network in the making, for whoever has to know what real patches make of them."""

from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from shared.models.compiler.architectures import Values
from shared.models.compiler.emission import Emission
from shared.models.graphs import INPUT

_AT_ONCE = 4  # patches; some tens of MB each


def convolved(
    values: NDArray[np.float32],
    kernel: Values,
    *,
    pads: Sequence[int] = (0, 0, 0, 0),
    strides: Sequence[int] = (1, 1),
    pool: tuple[Sequence[int], Sequence[int]],
) -> NDArray[np.float32]:
    """A convolution without bias, then a max-pool.

    Args:
        values: [n, channels, rows, columns].
        kernel: [rows, columns, channels, filters].
        pads: zeros before (rows, columns) and behind.
        strides: of the convolution.
        pool: window and strides.
    """
    graph = Emission()
    convolution = graph.convolution(INPUT, "convolution", kernel, pads=pads, strides=strides)
    graph.node("MaxPool", [convolution], "pooled", kernel_shape=pool[0], strides=pool[1])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    content = graph.trial("pooled", values.shape[1]).SerializeToString()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    values = values.astype(np.float32, copy=False)
    parts = [session.run(None, {INPUT: values[i : i + _AT_ONCE]})[0] for i in range(0, len(values), _AT_ONCE)]
    return np.concatenate(parts)
