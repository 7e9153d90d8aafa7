"""Writes ONNX graphs of trained members: nodes and constants by name, layers as NumPy arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from shared.models.graphs import PROBABILITIES
from training.export.calibration import Platt

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained member."""

    name: str
    network: nn.Module
    calibration: Platt


class GraphWriter:
    """Nodes and constants under a member's name; methods return the name of what they add."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, operation: str, inputs: Sequence[str], name: str, **attributes: object) -> str:
        """An operation with one output, which has the node's name."""
        made = helper.make_node(operation, inputs, [name], name=name)
        made.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self.nodes.append(made)
        return name

    def constant(self, name: str, values: NDArray[np.generic], kind: type[np.generic] = np.float32) -> str:
        """An initializer, as it is stored."""
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, kind), name))
        return name

    def dense(self, value: str, name: str, kernel: Array, bias: Array) -> str:
        """The value times a kernel, plus a bias."""
        constants = [self.constant(f"{name}/kernel", kernel), self.constant(f"{name}/bias", bias)]
        return self.node("Gemm", [value, *constants], name)

    def probabilities(self, value: str, member: Trained, kernel: Array, bias: Array) -> str:
        """The last layer, calibrated."""
        a, b = member.calibration.slope, member.calibration.offset
        logits = self.dense(value, f"{member.name}/logits", kernel * a, bias * a + b)
        return self.node("Sigmoid", [logits], f"{member.name}/{PROBABILITIES}")


def layer_arrays(layer: nn.Module) -> tuple[Array, Array]:
    """Kernel and bias of a layer, in float64."""
    return layer.weight.detach().cpu().double().numpy(), layer.bias.detach().cpu().double().numpy()


def norm_arrays(norm: nn.Module) -> tuple[Array, Array]:
    """Scale and offset of a batch norm at inference."""
    gamma, beta = layer_arrays(norm)
    scale = gamma / np.sqrt(norm.running_var.cpu().double().numpy() + norm.eps)
    return scale, beta - norm.running_mean.cpu().double().numpy() * scale


def output_info(name: str, n_tags: int) -> onnx.ValueInfoProto:
    """Declares a member's probabilities, (n, n_tags)."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", n_tags])
