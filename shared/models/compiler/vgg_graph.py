"""Emits the graph of one vgg."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from shared.models.compiler.architectures import VGG_FLAT_POSITIONS, Dense
from shared.models.compiler.emission import Emission
from shared.models.compiler.layout import Window, vgg_windows
from shared.models.compiler.vgg import ClippedConvolution, FoldedVgg, Places, VggBlock
from shared.models.graphs import EMBEDDING, INPUT, PROBABILITIES
from shared.models.published import N_BANDS, PATCH_FRAMES


@dataclass(frozen=True, slots=True)
class _Tensors:
    """What a block gives: [n, channels, frames, bands], in whole blocks; and the rest, if any."""

    whole: str
    n_whole: int
    rest: str | None = None


def emit_vgg(graph: Emission, name: str, network: FoldedVgg, exposed: Collection[str]) -> None:
    """Add one network, with the outputs ``<name>/probabilities`` and those of ``exposed``.

    Args:
        graph: gets the nodes.
        name: the network's.
        network: what to compute.
        exposed: may have ``<name>/embedding``; others are not ours.
    """
    windows = vgg_windows()
    tensors = _Tensors(emit_patches(graph, name, windows[0], network.padding), 1)
    for number, (block, window) in enumerate(zip(network.blocks, windows, strict=True), start=1):
        # The first convolution's padding is around the patch already.
        pads = (0, 0, 0, 0) if number == 1 else (1, 1, *window.pads_after)
        tensors = _Convolutions(graph, window, pads).block(f"{name}/{number}CNN", tensors, block)
    flat = graph.node("Flatten", [tensors.whole], f"{name}/flat")
    places = network.blocks[-1].places
    emit_dense(graph, name, flat, places, network.output, n_places=places.n_whole)
    if f"{name}/{EMBEDDING}" in exposed:
        _embedding(graph, name, flat, network.blocks[-1].places)


def emit_dense(graph: Emission, name: str, flat: str, places: Places, output: Dense, *, n_places: int) -> None:
    """Probabilities. The original flattened position, then channel; here it is place, then position."""
    n_units = len(output.bias)
    rows = output.kernel.reshape(VGG_FLAT_POSITIONS, len(places.place), n_units)
    alive = np.flatnonzero(places.place >= 0)
    kernel = np.zeros((n_places, VGG_FLAT_POSITIONS, n_units))
    kernel[places.place[alive]] = (rows[:, alive] * places.scale[alive][:, None]).transpose(1, 0, 2)
    bias = output.bias + np.einsum("pcu,c->u", rows, places.offset)
    logits = graph.dense(flat, f"{name}/dense", kernel.reshape(-1, n_units), bias)
    graph.output(graph.node("Sigmoid", [logits], f"{name}/sigmoid"), f"{name}/{PROBABILITIES}", [n_units])


def _embedding(graph: Emission, name: str, flat: str, places: Places) -> None:
    """All channels of the last pool, in the original's order: a dead one reads any place with weight zero."""
    source = np.maximum(places.place, 0) * VGG_FLAT_POSITIONS + np.arange(VGG_FLAT_POSITIONS)[:, None]
    taken = graph.node("Gather", [flat, graph.constant(f"{name}/source", source.ravel())], f"{name}/taken", axis=1)
    scale = np.tile(np.where(places.place >= 0, places.scale, 0), VGG_FLAT_POSITIONS)
    full = graph.scaled(taken, f"{name}/full", scale, np.tile(places.offset, VGG_FLAT_POSITIONS))
    graph.output(full, f"{name}/{EMBEDDING}", [source.size])


def emit_patches(graph: Emission, name: str, window: Window, padding: float) -> str:
    """The part of the patches that can reach the output, padded as before a 3x3 convolution: [n, 1, frames, bands]."""
    after = [
        pad + size - whole
        for pad, size, whole in zip(window.pads_after, window.shape, (PATCH_FRAMES, N_BANDS), strict=True)
    ]
    pads = graph.constant(f"{name}/pads", [0, 1, 1, 0, *after])  # a negative pad crops
    value = graph.constant(f"{name}/padding", np.array(padding))
    padded = graph.node("Pad", [INPUT, pads, value], f"{name}/padded")
    return graph.node("Unsqueeze", [padded, graph.constant(f"{name}/axis", [1])], f"{name}/patches")


@dataclass(frozen=True, slots=True)
class _Convolutions:
    """Emits the convolutions of one block."""

    graph: Emission
    window: Window
    pads: tuple[int, ...]

    def block(self, name: str, tensors: _Tensors, block: VggBlock) -> _Tensors:
        """From what one block gives to what the next one gives."""
        parts = [self._convolved(f"{name}/{i}", tensors, part) for i, part in enumerate(block.whole)]
        joined = parts[0] if len(parts) == 1 else self.graph.node("Concat", parts, f"{name}/joined", axis=1)
        rest = None
        if block.rest is not None:
            pooled = self._pooled(f"{name}/rest", self._convolved(f"{name}/rest", tensors, block.rest))
            bounds = [
                self.graph.constant(f"{name}/rest/{role}", [value])
                for role, value in (("first", 0), ("end", block.places.n_rest), ("axis", 1))
            ]
            rest = self.graph.node("Slice", [pooled, *bounds], f"{name}/rest/channels")
        return _Tensors(self._pooled(name, joined), block.places.n_whole, rest)

    def _convolved(self, name: str, tensors: _Tensors, convolution: ClippedConvolution) -> str:
        """A clipped convolution. The runtime adds the two sums inside the second one's loop."""
        whole, rest = np.split(convolution.kernel, [tensors.n_whole], axis=2)
        value = self.graph.convolution(
            tensors.whole, name, whole, convolution.bias, pads=self.pads, strides=self.window.conv_strides
        )
        if tensors.rest is not None:
            of_rest = self.graph.convolution(
                tensors.rest, f"{name}/of_rest", rest, pads=self.pads, strides=self.window.conv_strides
            )
            value = self.graph.node("Add", [value, of_rest], f"{name}/sum")
        return self._clipped(name, value, convolution)

    def _clipped(self, name: str, value: str, convolution: ClippedConvolution) -> str:
        """ReLU, or a clip; the runtime makes either part of the convolution."""
        if convolution.low == 0 and convolution.high is None:
            return self.graph.node("Relu", [value], f"{name}/relu")
        bounds = [
            "" if bound is None else self.graph.constant(f"{name}/{side}", np.array(bound))
            for side, bound in (("low", convolution.low), ("high", convolution.high))
        ]
        return self.graph.node("Clip", [value, *bounds], f"{name}/clip")

    def _pooled(self, name: str, value: str) -> str:
        pool = self.window.pool
        return self.graph.node("MaxPool", [value], f"{name}/pool", kernel_shape=pool.window, strides=pool.strides)
