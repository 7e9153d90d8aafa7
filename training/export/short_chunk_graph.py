"""Short-chunk networks as one ONNX graph, side by side, batch norms folded into the convolutions before them."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper
from torch import nn

from shared.models.graphs import INPUT, IR_VERSION, OPSET
from training.export.writer import GraphWriter, Trained, layer_arrays, norm_arrays, output_info
from training.networks.short_chunk import PATCH_FRAMES, SHORT_CHUNK_128, Res2d


def short_chunk_graph(members: Sequence[Trained]) -> tuple[onnx.ModelProto, dict[str, str]]:
    """The graph, and each member's output in it."""
    writer = GraphWriter()
    turned = writer.node("Transpose", [INPUT], "bands_first", perm=(0, 2, 1))
    image = writer.node("Unsqueeze", [turned, writer.constant("axis_1", np.array([1]), np.int64)], "image")
    axes = writer.constant("axes_2_3", np.array([2, 3]), np.int64)
    outputs = {}
    for member in members:
        network, name = member.network, member.name
        scale, offset = norm_arrays(network.spec_bn)
        scaled = writer.node("Mul", [image, writer.constant(f"{name}/scale", scale)], f"{name}/scaled")
        value = writer.node("Add", [scaled, writer.constant(f"{name}/offset", offset)], f"{name}/normalised")
        for number, block in enumerate(network.blocks, start=1):
            value = _block(writer, value, f"{name}/block_{number}", block)
        pooled = writer.node("ReduceMax", [value, axes], f"{name}/pooled", keepdims=0)
        scale, offset = norm_arrays(network.bn_1)
        weight, bias = layer_arrays(network.dense_1)
        hidden = writer.dense(pooled, f"{name}/dense", (weight * scale[:, None]).T, bias * scale + offset)
        hidden = writer.node("Relu", [hidden], f"{name}/hidden")
        weight, bias = layer_arrays(network.dense_2)
        outputs[name] = writer.probabilities(hidden, member, weight.T, bias)
    mel = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", PATCH_FRAMES, SHORT_CHUNK_128.n_bands])
    ends = [output_info(outputs[m.name], m.network.output.out_features) for m in members]
    graph = helper.make_graph(writer.nodes, "short_chunk", [mel], ends, writer.constants)
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="needledrop")
    return model, outputs


def _block(writer: GraphWriter, value: str, name: str, block: Res2d) -> str:
    stride = block.conv_1.stride
    inner = _convolution(writer, value, f"{name}/conv_1", block.conv_1, block.bn_1, stride)
    inner = writer.node("Relu", [inner], f"{name}/relu_1")
    inner = _convolution(writer, inner, f"{name}/conv_2", block.conv_2, block.bn_2, (1, 1))
    beside = _convolution(writer, value, f"{name}/conv_3", block.conv_3, block.bn_3, stride)
    return writer.node("Relu", [writer.node("Add", [beside, inner], f"{name}/sum")], f"{name}/relu")


def _convolution(
    writer: GraphWriter, value: str, name: str, layer: nn.Conv2d, norm: nn.BatchNorm2d, stride: Sequence[int]
) -> str:
    (weight, bias), (scale, offset) = layer_arrays(layer), norm_arrays(norm)
    constants = [
        writer.constant(f"{name}/kernel", weight * scale[:, None, None, None]),
        writer.constant(f"{name}/bias", bias * scale + offset),
    ]
    return writer.node("Conv", [value, *constants], name, kernel_shape=(3, 3), pads=(1, 1, 1, 1), strides=tuple(stride))
