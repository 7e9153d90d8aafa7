"""One ONNX graph for all members of one kind: they hear the same patches, so the pipeline runs them in one go.

A member's calibration, z' = a z + b before the sigmoid, is part of its last layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from shared.front_end.spec import MUSICNN_96, FrontEnd
from shared.models.compiler.ensemble import Network, compile_ensemble
from shared.models.graphs import PROBABILITIES
from shared.models.published import PATCH_FRAMES, Architecture, PublishedModel
from training.export.short_chunk_graph import short_chunk_graph
from training.export.writer import GraphWriter, Trained, layer_arrays, output_info
from training.features import backbone, outputs_of
from training.networks.head import Head
from training.networks.musicnn import Musicnn
from training.networks.short_chunk import PATCH_FRAMES as SHORT_CHUNK_FRAMES
from training.networks.short_chunk import SHORT_CHUNK_128, ShortChunkRes
from training.networks.vgg import Vgg


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
        graph, outputs = short_chunk_graph(members)
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


def _heads(members: Sequence[Trained]) -> tuple[onnx.ModelProto, dict[str, str]]:
    """The product's compiled networks, with the heads where their own outputs were."""
    compiled = backbone()
    graph, writer = onnx.ModelProto(), GraphWriter()
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
        weight, bias = layer_arrays(member.network.output)
        outputs[member.name] = writer.probabilities(standardised, member, weight.T, bias)
    graph.graph.node.extend(writer.nodes)
    graph.graph.initializer.extend(writer.constants)
    del graph.graph.output[:]
    ends = [output_info(outputs[m.name], m.network.output.out_features) for m in members]
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
