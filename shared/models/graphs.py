"""The two published architectures as plain ONNX graphs: what TensorFlow computed, operation by operation.

Both take ``mel``, float32 [n, 187, 96], the compressed mel spectrogram of n patches, and give ``probabilities``,
[n, 50]. What the last dense layer reads is named ``embedding``, [n, 200] for musicnn and [n, 256] for vgg, and what
musicnn pools over time, maximum and mean of each feature, ``pools``, [n, 753, 2]; they lie on the way and are outputs
too. These graphs are the reference that anything faster is measured against.

TensorFlow keeps time x frequency x channel; ONNX wants channels first: kernels are transposed here, once.
Source: musicnn/models.py of the package; Pons & Serra, arXiv:1909.06654; Pons et al., arXiv:1711.02520.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from shared.models.bundle import Weights
from shared.models.published import BATCH_NORM_EPSILON, N_BANDS, PATCH_FRAMES, Architecture, PublishedModel

INPUT, PROBABILITIES, EMBEDDING, POOLS = "mel", "probabilities", "embedding", "pools"
# What can be exposed besides the probabilities, by architecture.
EXPOSABLE: Mapping[Architecture, tuple[str, ...]] = {"musicnn": (EMBEDDING, POOLS), "vgg": (EMBEDDING,)}
OPSET = 18  # ReduceMax with its axes as an input
IR_VERSION = 9  # what ONNX Runtime reads since 1.14

_TIMBRAL = (("conv2d", 1), ("conv2d_1", 2))  # each convolution with the number of its batch norm
_TEMPORAL = (("conv2d_2", 3), ("conv2d_3", 4), ("conv2d_4", 5))
_MID_END = (("conv2d_5", 6), ("conv2d_6", 7), ("conv2d_7", 8))
_VGG_POOLS = (((4, 1), (2, 2)), ((2, 2), (2, 2)), ((2, 2), (2, 2)), ((2, 2), (2, 2)), ((4, 4), (4, 4)))


class GraphWriter:
    """Collects the nodes and constants of a graph; every method returns the name of what it adds."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        """Add a constant, unless it is there already."""
        self._constants.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, operation: str, inputs: Sequence[str], name: str, **attributes: float | Sequence[int]) -> str:
        """Add an operation with one output, which bears the operation's name."""
        made = helper.make_node(operation, inputs, [name], name=name)
        made.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self._nodes.append(made)
        return name

    def batch_norm(self, value: str, number: int) -> str:
        """The batch norm that TensorFlow numbered so (the first has no number), over axis 1."""
        name = "batch_normalization" + (f"_{number}" if number else "")
        # In ONNX's order, which is not that of the names.
        roles = ("gamma", "beta", "moving_mean", "moving_variance")
        statistics = [self.constant(f"{name}/{role}", self._weights[f"{name}/{role}"]) for role in roles]
        return self.node("BatchNormalization", [value, *statistics], name, epsilon=BATCH_NORM_EPSILON)

    def conv_relu(self, value: str, layer: str, pads: Sequence[int], *, over_time_only: bool = False) -> str:
        """Convolution, then ReLU; with ``over_time_only`` the kernel's whole width becomes channels."""
        kernel = self._weights[f"{layer}/kernel"].transpose(3, 2, 0, 1)  # [filters, channels, time, frequency]
        if over_time_only:
            kernel = kernel[:, 0].transpose(0, 2, 1)  # [filters, features, time]
        constants = [self.constant(f"{layer}/kernel", kernel), self._bias(layer)]
        self.node("Conv", [value, *constants], layer, kernel_shape=kernel.shape[2:], pads=pads)
        return self.node("Relu", [layer], f"{layer}/relu")

    def dense(self, value: str, layer: str) -> str:
        """A dense layer without its activation."""
        return self.node(
            "Gemm",
            [value, self.constant(f"{layer}/kernel", self._weights[f"{layer}/kernel"]), self._bias(layer)],
            layer,
        )

    def over_axis(self, operation: str, value: str, axis: int, name: str, *, keepdims: bool = False) -> str:
        """ReduceMax or ReduceMean."""
        axes = self.constant(f"axis_{axis}", np.array([axis], np.int64))
        return self.node(operation, [value, axes], name, keepdims=int(keepdims))

    def model(self, name: str, widths: Mapping[str, Sequence[int]], description: str) -> onnx.ModelProto:
        """The finished model, with outputs of these widths."""
        mel = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", PATCH_FRAMES, N_BANDS])
        outputs = [
            helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", *width]) for output, width in widths.items()
        ]
        graph = helper.make_graph(self._nodes, name, [mel], outputs, list(self._constants.values()))
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="needledrop",
            doc_string=description,
        )

    def _bias(self, layer: str) -> str:
        return self.constant(f"{layer}/bias", self._weights[f"{layer}/bias"])


def plain_graph(model: PublishedModel, weights: Weights) -> onnx.ModelProto:
    """The graph of a published model.

    Args:
        model: which; says the architecture.
        weights: its tensors, as `published_weights` reads them.
    """
    writer = GraphWriter(weights)
    write = {"musicnn": _write_musicnn, "vgg": _write_vgg}[model.architecture]
    last_layer = write(writer)
    n_embedding, n_tags = weights[f"{last_layer}/kernel"].shape
    widths: dict[str, Sequence[int]] = {PROBABILITIES: [n_tags], EMBEDDING: [n_embedding]}
    if POOLS in EXPOSABLE[model.architecture]:
        widths[POOLS] = [len(weights["dense/kernel"]) // 2, 2]
    return writer.model(model.name, widths, f"{model.name}; {model.licence} licence; {model.source}")


def _write_musicnn(graph: GraphWriter) -> str:
    """Write the nodes of musicnn; returns the name of its last dense layer."""
    patches = graph.batch_norm(
        graph.node("Unsqueeze", [INPUT, graph.constant("axis_1", np.array([1], np.int64))], "patches"), 0
    )
    branches = []
    for layer, number in _TIMBRAL:  # 7 frames x 0.4 and 0.7 of the bands; as many frames come out as go in
        normalized = graph.batch_norm(graph.conv_relu(patches, layer, (3, 0, 3, 0)), number)
        branches.append(graph.over_axis("ReduceMax", normalized, 3, f"{layer}/pool"))
    for (layer, number), n_frames in zip(
        _TEMPORAL, (128, 64, 32), strict=True
    ):  # TensorFlow's "same" pads the end more
        pads = (n_frames // 2 - 1, 0, n_frames // 2, 0)
        normalized = graph.batch_norm(graph.conv_relu(patches, layer, pads), number)
        branches.append(graph.over_axis("ReduceMax", normalized, 3, f"{layer}/pool"))

    layers = [graph.node("Concat", branches, "front_end", axis=1)]  # [n, 561, 187]
    for layer, number in _MID_END:
        normalized = graph.batch_norm(graph.conv_relu(layers[-1], layer, (3, 3), over_time_only=True), number)
        is_first = len(layers) == 1
        layers.append(normalized if is_first else graph.node("Add", [normalized, layers[-1]], f"{layer}/residual"))

    features = graph.node("Concat", layers, "mid_end", axis=1)  # [n, 753, 187]
    maxima = graph.over_axis("ReduceMax", features, 2, "max_over_time", keepdims=True)
    means = graph.over_axis("ReduceMean", features, 2, "mean_over_time", keepdims=True)
    pooled = graph.node("Flatten", [graph.node("Concat", [maxima, means], POOLS, axis=2)], "pools/interleaved", axis=1)
    hidden = graph.node("Relu", [graph.dense(graph.batch_norm(pooled, 9), "dense")], "dense/relu")
    embedding = graph.node("Identity", [graph.batch_norm(hidden, 10)], EMBEDDING)
    graph.node("Sigmoid", [graph.dense(embedding, "dense_1")], PROBABILITIES)
    return "dense_1"


def _write_vgg(graph: GraphWriter) -> str:
    """Write the nodes of vgg; returns the name of its last dense layer."""
    value = graph.batch_norm(
        graph.node("Unsqueeze", [INPUT, graph.constant("axis_1", np.array([1], np.int64))], "patches"), 0
    )
    for number, (window, strides) in enumerate(_VGG_POOLS, start=1):
        layer = f"{number}CNN"
        normalized = graph.batch_norm(graph.conv_relu(value, layer, (1, 1, 1, 1)), number)
        value = graph.node("MaxPool", [normalized], f"{layer}/pool", kernel_shape=window, strides=strides)
    channels_last = graph.node(
        "Transpose", [value], "channels_last", perm=(0, 2, 3, 1)
    )  # [n, 2, 1, 128], as TensorFlow flattens
    embedding = graph.node("Flatten", [channels_last], EMBEDDING, axis=1)
    graph.node("Sigmoid", [graph.dense(embedding, "dense")], PROBABILITIES)
    return "dense"
