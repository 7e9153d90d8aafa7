"""Emit: collects the nodes and constants of a graph in ONNX; float64 becomes float32 here, once."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from shared.models.graphs import INPUT, IR_VERSION, OPSET
from shared.models.published import N_BANDS, PATCH_FRAMES

Attribute: TypeAlias = float | Sequence[int]


class Emission:
    """A graph in the making. Methods that add something return its name."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def constant(self, name: str, values: NDArray[np.generic] | Sequence[int]) -> str:
        """Add a constant: float32, or int64 when it holds integers."""
        array = np.asarray(values)
        kind = np.int64 if np.issubdtype(array.dtype, np.integer) else np.float32
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array, kind), name))
        return name

    def node(self, operation: str, inputs: Sequence[str], name: str, **attributes: Attribute) -> str:
        """Add an operation with one output, which bears the operation's name."""
        made = helper.make_node(operation, inputs, [name], name=name)
        made.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self._nodes.append(made)
        return name

    def convolution(
        self,
        value: str,
        name: str,
        kernel: NDArray[np.float64],
        bias: NDArray[np.float64] | None = None,
        *,
        pads: Sequence[int] = (0, 0, 0, 0),
        strides: Sequence[int] = (1, 1),
    ) -> str:
        """Add a convolution; ``kernel`` is [frames, bands, channels, filters], as TensorFlow has it."""
        inputs = [value, self.constant(f"{name}/kernel", kernel.transpose(3, 2, 0, 1))]
        if bias is not None:
            inputs.append(self.constant(f"{name}/bias", bias))
        return self.node("Conv", inputs, name, kernel_shape=kernel.shape[:2], pads=pads, strides=strides)

    def dense(self, value: str, name: str, kernel: NDArray[np.float64], bias: NDArray[np.float64]) -> str:
        """Add a dense layer; ``kernel`` is [inputs, units]."""
        constants = [self.constant(f"{name}/kernel", kernel), self.constant(f"{name}/bias", bias)]
        return self.node("Gemm", [value, *constants], name)

    def scaled(self, value: str, name: str, scale: NDArray[np.float64], offset: NDArray[np.float64]) -> str:
        """Add ``value * scale + offset``, element by element."""
        product = self.node("Mul", [value, self.constant(f"{name}/scale", scale)], f"{name}/scaled")
        return self.node("Add", [product, self.constant(f"{name}/offset", offset)], name)

    def typed(self, name: str, values: NDArray[np.generic]) -> str:
        """Add a constant as it is."""
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def to_steps(self, value: str, name: str, step: float) -> str:
        """Add rounding to steps of this size: floats become unsigned bytes, clipped."""
        constants = [
            self.typed(f"{name}/step", np.array(step, np.float32)),
            self.typed(f"{name}/zero", np.array(0, np.uint8)),
        ]
        return self.node("QuantizeLinear", [value, *constants], name)

    def byte_convolution(
        self,
        value: str,
        name: str,
        weights: NDArray[np.int8],
        steps: NDArray[np.float32],
        bias: NDArray[np.int32],
        *,
        zero: int = 0,
        pads: Sequence[int] = (0, 0, 0, 0),
        strides: Sequence[int] = (1, 1),
    ) -> str:
        """Add a convolution of unsigned bytes, which gives such; ``zero`` is the byte that is padded and counts as 0.

        ``weights`` is [filters, channels, rows, columns]; what comes out is ``steps * (sum + bias)``, rounded, clipped.
        """
        one = self.typed(f"{name}/one", np.array(1, np.float32))
        nothing = self.typed(f"{name}/nothing", np.array(0, np.uint8))
        inputs = [value, one, self.typed(f"{name}/zero", np.array(zero, np.uint8))]
        inputs += [self.typed(f"{name}/weights", weights), self.typed(f"{name}/steps", steps)]
        inputs += [self.typed(f"{name}/zeros", np.zeros(len(steps), np.int8)), one, nothing]
        inputs.append(self.typed(f"{name}/bias", bias))
        return self.node("QLinearConv", inputs, name, kernel_shape=weights.shape[2:], pads=pads, strides=strides)

    def to_floats(self, value: str, name: str) -> str:
        """Add the numbers that bytes are, as floats."""
        return self.node("Cast", [value], name, to=TensorProto.FLOAT)

    def trial(self, value: str, n_channels: int) -> onnx.ModelProto:
        """A model whose one output is ``value``; its input is [n, channels, rows, columns]."""
        given = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", n_channels, "rows", "columns"])
        graph = helper.make_graph(
            self._nodes, "trial", [given], [helper.make_empty_tensor_value_info(value)], self._constants
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)

    def output(self, value: str, name: str, shape: Sequence[int]) -> None:
        """Make a value an output of the graph, named ``name``, of ``shape`` for each patch."""
        self.node("Identity", [value], name)
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape]))

    def model(self, name: str, description: str) -> onnx.ModelProto:
        """The finished model; its one input is the compressed mel spectrogram, [n, 187, 96]."""
        mel = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", PATCH_FRAMES, N_BANDS])
        graph = helper.make_graph(self._nodes, name, [mel], self._outputs, self._constants)
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="needledrop",
            doc_string=description,
        )
