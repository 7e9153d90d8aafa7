"""One ONNX graph for all members of one kind: they hear the same patches, so the pipeline runs them in one go.

A member's calibration, z' = a z + b before the sigmoid, is part of its last layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from shared.front_end.spec import MUSICNN_96, FrontEnd
from shared.models.compiler.ensemble import Network, compile_ensemble
from shared.models.graphs import INPUT, IR_VERSION, OPSET, PROBABILITIES
from shared.models.published import PATCH_FRAMES, Architecture, PublishedModel
from training.export.calibration import Platt
from training.features import backbone, outputs_of
from training.networks.head import Head
from training.networks.musicnn import Musicnn
from training.networks.short_chunk import PATCH_FRAMES as SHORT_CHUNK_FRAMES
from training.networks.short_chunk import SHORT_CHUNK_128, Res2d, ShortChunkRes
from training.networks.vgg import Vgg

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained member."""

    name: str
    network: nn.Module
    calibration: Platt


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedGraph:
    """A graph, and where in it each member's probabilities are."""

    graph: onnx.ModelProto
    outputs: dict[str, str]
    front_end: FrontEnd
    patch_frames: int


def exported(members: Sequence[Trained], tags: Sequence[str]) -> ExportedGraph:
    """The graph of members that are all of one kind.

    Raises: ValueError when they are not.
    """
    networks = [member.network for member in members]
    if all(isinstance(network, Head) for network in networks):
        graph, outputs = _heads(members)
    elif all(isinstance(network, ShortChunkRes) for network in networks):
        graph, outputs = _short_chunks(members)
    elif all(isinstance(network, Musicnn | Vgg) for network in networks):
        graph, outputs = _compiled(members, tuple(tags))
    else:
        raise ValueError("members of several kinds do not share a graph")
    front_end, patch_frames = exported_front_end(members)
    return ExportedGraph(graph=graph, outputs=outputs, front_end=front_end, patch_frames=patch_frames)


def exported_front_end(members: Sequence[Trained]) -> tuple[FrontEnd, int]:
    """What members hear, and how many frames at once."""
    if isinstance(members[0].network, ShortChunkRes):
        return SHORT_CHUNK_128, SHORT_CHUNK_FRAMES
    return MUSICNN_96, PATCH_FRAMES


class _Writer:
    """Nodes and constants under a member's name; methods return the name of what they add."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def node(self, operation: str, inputs: Sequence[str], name: str, **attributes: object) -> str:
        made = helper.make_node(operation, inputs, [name], name=name)
        made.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self.nodes.append(made)
        return name

    def constant(self, name: str, values: NDArray[np.generic], kind: type[np.generic] = np.float32) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, kind), name))
        return name

    def dense(self, value: str, name: str, kernel: Array, bias: Array) -> str:
        constants = [self.constant(f"{name}/kernel", kernel), self.constant(f"{name}/bias", bias)]
        return self.node("Gemm", [value, *constants], name)

    def probabilities(self, value: str, member: Trained, kernel: Array, bias: Array) -> str:
        """The last layer, calibrated."""
        a, b = member.calibration.slope, member.calibration.offset
        logits = self.dense(value, f"{member.name}/logits", kernel * a, bias * a + b)
        return self.node("Sigmoid", [logits], f"{member.name}/{PROBABILITIES}")


def _heads(members: Sequence[Trained]) -> tuple[onnx.ModelProto, dict[str, str]]:
    """The product's compiled musicnns, with the heads where their own outputs were."""
    compiled = backbone()
    graph, writer = onnx.ModelProto(), _Writer()
    graph.CopyFrom(compiled.graph)
    flat = [writer.node("Flatten", [name], f"{name}/flat", axis=1) for name in outputs_of(compiled)]
    features = writer.node("Concat", flat, "features", axis=1)
    outputs = {}
    for member in members:
        # Standardised first, as in PyTorch: folded into the kernel, large means would cancel in float32.
        mean, scale = (b.cpu().numpy() for b in (member.network.mean, member.network.scale))
        centred = writer.node("Sub", [features, writer.constant(f"{member.name}/mean", mean)], f"{member.name}/centred")
        scaled = [centred, writer.constant(f"{member.name}/scale", scale)]
        standardised = writer.node("Mul", scaled, f"{member.name}/standardised")
        weight, bias = _layer(member.network.output)
        outputs[member.name] = writer.probabilities(standardised, member, weight.T, bias)
    graph.graph.node.extend(writer.nodes)
    graph.graph.initializer.extend(writer.constants)
    del graph.graph.output[:]
    ends = [_output(outputs[m.name], m.network.output.out_features) for m in members]
    graph.graph.output.extend(ends)
    return _pruned(graph), outputs


def _pruned(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without what no output needs: the published output layers."""
    graph = model.graph
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            needed |= set(node.input)
            kept.append(node)
    constants = [constant for constant in graph.initializer if constant.name in needed]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(constants)
    return model


def _compiled(members: Sequence[Trained], tags: tuple[str, ...]) -> tuple[onnx.ModelProto, dict[str, str]]:
    """Fine-tuned musicnns and vggs through the product's own compiler, which verifies what it makes."""
    networks = []
    for member in members:
        architecture: Architecture = "musicnn" if isinstance(member.network, Musicnn) else "vgg"
        weights, last = member.network.as_published(), "dense_1" if architecture == "musicnn" else "dense"
        a, b = member.calibration.slope, member.calibration.offset
        weights[f"{last}/kernel"] = np.asarray(weights[f"{last}/kernel"] * a, np.float32)
        weights[f"{last}/bias"] = np.asarray(weights[f"{last}/bias"] * a + b, np.float32)
        described = PublishedModel(
            name=member.name,
            architecture=architecture,
            tags=tags,
            vocabulary="",
            data_sha256="",
            roc_auc=float("nan"),
            known_answer={},
            licence="",
            source="trained with needledrop",
        )
        networks.append(Network(described, weights))
    compiled = compile_ensemble(networks)
    return compiled.graph, {name: roles[PROBABILITIES] for name, roles in compiled.outputs.items()}


def _short_chunks(members: Sequence[Trained]) -> tuple[onnx.ModelProto, dict[str, str]]:
    """Short-chunk networks side by side, batch norms folded into the convolutions before them."""
    writer = _Writer()
    turned = writer.node("Transpose", [INPUT], "bands_first", perm=(0, 2, 1))
    image = writer.node("Unsqueeze", [turned, writer.constant("axis_1", np.array([1]), np.int64)], "image")
    axes = writer.constant("axes_2_3", np.array([2, 3]), np.int64)
    outputs = {}
    for member in members:
        network, name = member.network, member.name
        scale, offset = _norm(network.spec_bn)
        scaled = writer.node("Mul", [image, writer.constant(f"{name}/scale", scale)], f"{name}/scaled")
        value = writer.node("Add", [scaled, writer.constant(f"{name}/offset", offset)], f"{name}/normalised")
        for number, block in enumerate(network.blocks, start=1):
            value = _block(writer, value, f"{name}/block_{number}", block)
        pooled = writer.node("ReduceMax", [value, axes], f"{name}/pooled", keepdims=0)
        scale, offset = _norm(network.bn_1)
        weight, bias = _layer(network.dense_1)
        hidden = writer.dense(pooled, f"{name}/dense", (weight * scale[:, None]).T, bias * scale + offset)
        hidden = writer.node("Relu", [hidden], f"{name}/hidden")
        weight, bias = _layer(network.dense_2)
        outputs[name] = writer.probabilities(hidden, member, weight.T, bias)
    mel = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", SHORT_CHUNK_FRAMES, SHORT_CHUNK_128.n_bands])
    ends = [_output(outputs[m.name], m.network.output.out_features) for m in members]
    graph = helper.make_graph(writer.nodes, "short_chunk", [mel], ends, writer.constants)
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="needledrop")
    return model, outputs


def _block(writer: _Writer, value: str, name: str, block: Res2d) -> str:
    stride = block.conv_1.stride
    inner = _convolution(writer, value, f"{name}/conv_1", block.conv_1, block.bn_1, stride)
    inner = writer.node("Relu", [inner], f"{name}/relu_1")
    inner = _convolution(writer, inner, f"{name}/conv_2", block.conv_2, block.bn_2, (1, 1))
    beside = _convolution(writer, value, f"{name}/conv_3", block.conv_3, block.bn_3, stride)
    return writer.node("Relu", [writer.node("Add", [beside, inner], f"{name}/sum")], f"{name}/relu")


def _convolution(
    writer: _Writer, value: str, name: str, layer: nn.Conv2d, norm: nn.BatchNorm2d, stride: Sequence[int]
) -> str:
    (weight, bias), (scale, offset) = _layer(layer), _norm(norm)
    constants = [
        writer.constant(f"{name}/kernel", weight * scale[:, None, None, None]),
        writer.constant(f"{name}/bias", bias * scale + offset),
    ]
    return writer.node("Conv", [value, *constants], name, kernel_shape=(3, 3), pads=(1, 1, 1, 1), strides=tuple(stride))


def _layer(layer: nn.Module) -> tuple[Array, Array]:
    return layer.weight.detach().cpu().double().numpy(), layer.bias.detach().cpu().double().numpy()


def _norm(norm: nn.Module) -> tuple[Array, Array]:
    """Scale and offset of a batch norm at inference."""
    gamma, beta = _layer(norm)
    scale = gamma / np.sqrt(norm.running_var.cpu().double().numpy() + norm.eps)
    return scale, beta - norm.running_mean.cpu().double().numpy() * scale


def _output(name: str, n_tags: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", n_tags])
