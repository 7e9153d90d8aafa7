"""What a graph costs: its multiplications, counted."""

import math
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper


@dataclass(frozen=True, slots=True)
class Cost:
    """Multiply-accumulates for one patch."""

    needed: int  # by weights that are not zero
    done: int  # zeros that fill up blocks included


def cost_per_patch(graph: onnx.ModelProto) -> Cost:
    """Count the convolutions and dense layers of a graph with one free dimension, the number of patches."""
    inferred = onnx.shape_inference.infer_shapes(graph, strict_mode=True, data_prop=True).graph
    shapes = {value.name: value.type.tensor_type.shape.dim for value in (*inferred.value_info, *inferred.output)}
    weights = {constant.name: constant for constant in inferred.initializer}
    needed = done = 0
    for node in inferred.node:
        if node.op_type in ("Conv", "Gemm"):
            # Every weight is used once at every position, which a dense layer has one of.
            n_positions = math.prod(dim.dim_value for dim in shapes[node.output[0]][2:])
            kernel = numpy_helper.to_array(weights[node.input[1]])
            needed += int(np.count_nonzero(kernel)) * n_positions
            done += kernel.size * n_positions
    return Cost(needed=needed, done=done)
