"""Emits the graph of any number of musicnns, which share the convolutions that read the mel spectrogram."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from shared.models.compiler.architectures import MID_END_FRAMES, Values
from shared.models.compiler.emission import Emission
from shared.models.compiler.folding import Positions
from shared.models.compiler.layout import filled, whole_blocks
from shared.models.compiler.musicnn import FoldedMusicnn, frames_before
from shared.models.compiler.musicnn_front_end import FrontEndTensor, emit_branches, emit_clipped
from shared.models.graphs import EMBEDDING, POOLS, PROBABILITIES

_POOL_OPERATIONS = ("ReduceMax", "ReduceMean")  # in the order in which the original interleaves them


@dataclass(frozen=True, slots=True)
class _Features:
    """Where pooled features lie: [maxima of all tensors, means of all tensors], ``n_pooled`` each."""

    place: Positions  # of each of the original's features among the maxima; -1 for one that is dead
    constants: Values  # of use where it is dead
    n_pooled: int


def emit_musicnns(
    graph: Emission,
    networks: Mapping[str, FoldedMusicnn],
    exposed: Collection[str],
    front_end: FrontEndTensor | None = None,
) -> None:
    """Add networks by name, with the outputs ``<name>/probabilities`` and those of ``exposed``.

    Args:
        graph: gets the nodes.
        networks: at least one.
        exposed: any of ``<name>/embedding`` and ``<name>/pools``; others are not ours.
        front_end: what it gives, when that is in the graph already.
    """
    front_end = front_end or emit_branches(graph, networks)
    front_pools = [_pooled(graph, operation, front_end.value) for operation in _POOL_OPERATIONS]
    for name, network in networks.items():
        layers = _mid_end(graph, name, network, front_end)
        parts: list[str] = []
        for operation, front_pool in zip(_POOL_OPERATIONS, front_pools, strict=True):
            parts += [front_pool, *(_pooled(graph, operation, layer) for layer in layers)]
        pooled = graph.node("Concat", parts, f"{name}/pooled", axis=1)
        _back_end(
            graph, name, network, _features(network, front_end.places[name], front_end.n_channels), pooled, exposed
        )


def _back_end(
    graph: Emission,
    name: str,
    network: FoldedMusicnn,
    features: _Features,
    pooled: str,
    exposed: Collection[str],
) -> None:
    """Dense layers and outputs."""
    alive = np.flatnonzero(features.place >= 0)
    n_units = len(network.hidden.bias)
    rows = network.hidden.kernel.reshape(-1, 2, n_units)  # [features, maximum or mean, units]
    kernel = np.zeros((2, features.n_pooled, n_units))
    kernel[:, features.place[alive]] = rows[alive].transpose(1, 0, 2)
    dead = np.where(features.place < 0, features.constants, 0)
    bias = network.hidden.bias + np.einsum("fpu,f->u", rows, dead)
    hidden = graph.node(
        "Relu", [graph.dense(pooled, f"{name}/dense", kernel.reshape(-1, n_units), bias)], f"{name}/hidden"
    )
    logits = graph.dense(hidden, f"{name}/dense_1", network.output.kernel, network.output.bias)
    sigmoid = graph.node("Sigmoid", [logits], f"{name}/sigmoid")
    graph.output(sigmoid, f"{name}/{PROBABILITIES}", [len(network.output.bias)])
    if f"{name}/{EMBEDDING}" in exposed:
        norm = network.hidden_norm
        graph.output(
            graph.scaled(hidden, f"{name}/hidden_norm", norm.scale, norm.offset), f"{name}/{EMBEDDING}", [n_units]
        )
    if f"{name}/{POOLS}" in exposed:
        places = np.maximum(features.place, 0)[:, None] + np.array([0, features.n_pooled])
        indices = graph.constant(f"{name}/pool_places", places)
        taken = graph.node("Gather", [pooled, indices], f"{name}/taken", axis=1)
        full = graph.scaled(
            taken, f"{name}/all_pools", (features.place >= 0).astype(np.float64)[:, None], dead[:, None]
        )
        graph.output(full, f"{name}/{POOLS}", [len(features.place), 2])


def _mid_end(graph: Emission, name: str, network: FoldedMusicnn, front_end: FrontEndTensor) -> list[str]:
    """The three layers, [n, channels, 1, 187] each, residuals added."""
    n_inputs = len(front_end.places[name])
    gathered = np.zeros(whole_blocks(n_inputs), np.intp)  # what fills up is read with weight zero: any channel will do
    gathered[:n_inputs] = front_end.places[name]
    indices = graph.constant(f"{name}/places", gathered)
    value = graph.node("Gather", [front_end.value, indices], f"{name}/front_end", axis=1)
    before = frames_before(MID_END_FRAMES)
    pads = (0, before, 0, MID_END_FRAMES - 1 - before)
    layers: list[str] = []
    n_before = len(gathered)
    for i, block in enumerate(network.mid_end):
        layer = f"{name}/mid_end/{i}"
        n_filters = whole_blocks(block.kernel.shape[-1])
        kernel = filled(filled(block.kernel, n_before, axis=2), n_filters).swapaxes(0, 1)
        convolution = graph.convolution(value, layer, kernel, pads=pads)
        value = emit_clipped(graph, layer, convolution, block.clipping.filled(n_filters))
        if layers:
            value = _with_residual(graph, layer, value, layers[-1], n_filters - n_before)
        layers.append(value)
        n_before = n_filters
    return layers


def _with_residual(graph: Emission, name: str, value: str, before: str, n_more: int) -> str:
    """The sum of a layer and the one before it, whose channels come first; what fills that one up is zero."""
    if n_more:
        pads = graph.constant(f"{name}/pads", [0, 0, 0, 0, 0, n_more, 0, 0])
        before = graph.node("Pad", [before, pads], f"{name}/widened")
    return graph.node("Add", [value, before], f"{name}/residual")


def _pooled(graph: Emission, operation: str, value: str) -> str:
    """Over time: [n, channels, 1, 187] becomes [n, channels]."""
    axes = graph.constant(f"{value}/{operation}/axes", [2, 3])
    return graph.node(operation, [value, axes], f"{value}/{operation}", keepdims=0)


def _features(network: FoldedMusicnn, front_end_places: Positions, n_front_end: int) -> _Features:
    """Where the pooled tensors, end to end, have what the original pools."""
    n_branches = len(network.front_end)
    place = np.full(network.n_features, -1, np.intp)
    starts = np.cumsum([0] + [len(constants) for constants in network.constants])
    alive = np.concatenate([order + start for order, start in zip(network.orders, starts, strict=False)])
    places, width = [front_end_places], n_front_end
    for order in network.orders[n_branches:]:
        places.append(width + np.arange(len(order)))
        width += whole_blocks(len(order))
    place[alive] = np.concatenate(places)
    return _Features(place, np.concatenate(network.constants), width)
