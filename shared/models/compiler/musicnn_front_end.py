"""Emits the convolutions that read the mel spectrogram, with the filters of all musicnns side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shared.models.compiler.architectures import FRONT_END_KERNELS, Values
from shared.models.compiler.emission import Emission
from shared.models.compiler.folding import Clipping, Positions
from shared.models.compiler.layout import blocks_and_rest, filled, whole_blocks
from shared.models.compiler.musicnn import FoldedMusicnn, frames_before
from shared.models.graphs import INPUT
from shared.models.published import N_BANDS, PATCH_FRAMES


@dataclass(frozen=True, slots=True)
class FrontEndTensor:
    """The shared tensor [n, channels, 1, 187], and where the live channels of each network lie in it."""

    value: str
    n_channels: int
    places: Mapping[str, Positions]  # by name of the network, branch after branch


def emit_branches(
    graph: Emission, networks: Mapping[str, FoldedMusicnn], branches: Sequence[int] = range(len(FRONT_END_KERNELS))
) -> FrontEndTensor:
    """Some of the five branches, each one convolution for all networks and its maximum over frequency."""
    patches = graph.node("Unsqueeze", [INPUT, graph.constant("front_end/axis", [1])], "patches")
    values: list[str] = []
    clippings: list[Clipping] = []
    places: dict[str, list[Positions]] = {name: [] for name in networks}
    n_channels = 0
    for i in branches:
        n_frames, n_bands = FRONT_END_KERNELS[i]
        first = n_channels
        for name, network in networks.items():
            places[name].append(first + np.arange(len(network.orders[i])))
            first += len(network.orders[i])
        parts = [network.front_end[i] for network in networks.values()]
        kernel = np.concatenate([part.kernel for part in parts], axis=-1)
        values += _branch(graph, f"front_end/{n_frames}x{n_bands}", patches, kernel)
        clipping = Clipping.joined([part.clipping for part in parts])
        clippings.append(clipping.filled(max(kernel.shape[-1], blocks_and_rest(kernel.shape[-1])[0])))
        n_channels += len(clippings[-1].offset)
    # From here on time is the last axis: the runtime computes six neighbours there at once.
    joined = graph.node("Concat", values, "front_end/joined", axis=1)
    joined = graph.node("Reshape", [joined, graph.constant("front_end/shape", [0, 0, 1, -1])], "front_end/over_time")
    value = emit_clipped(graph, "front_end", joined, Clipping.joined(clippings))
    return FrontEndTensor(value, n_channels, {name: np.concatenate(parts) for name, parts in places.items()})


def emit_clipped(graph: Emission, name: str, value: str, clipping: Clipping) -> str:
    """Bias, clip and offset in one: ``max(y + bias + offset, offset)``, or min for filters that do not rise."""
    bias = (clipping.bias + clipping.offset).T[:, None]  # [channels, 1, frames]
    value = graph.node("Add", [value, graph.constant(f"{name}/bias", bias)], f"{name}/biased")
    unbounded = float(np.finfo(np.float32).max)
    for operation, is_clipped, neutral in (
        ("Max", clipping.rising, -unbounded),
        ("Min", ~clipping.rising, unbounded),
    ):
        if is_clipped.any():
            bounds = np.where(is_clipped, clipping.offset, neutral)[:, None, None]
            constant = graph.constant(f"{name}/{operation}/bounds", bounds)
            value = graph.node(operation, [value, constant], f"{name}/{operation}")
    return value


def _branch(graph: Emission, name: str, patches: str, kernel: Values) -> list[str]:
    """One or two tensors [n, filters, 187, 1], the filters one behind the other; none without filters."""
    n_whole, n_at_once = blocks_and_rest(kernel.shape[-1])
    whole, rest = kernel[..., :n_whole], kernel[..., n_whole:]
    values = [_convolved(graph, name, patches, whole, n_at_once=1)] if n_whole else []
    if rest.size:
        unrolled = _convolved(graph, f"{name}/rest", patches, rest, n_at_once)
        values.append(_frame_by_frame(graph, f"{name}/rest", unrolled, rest.shape[-1], n_at_once))
    return values


def _convolved(graph: Emission, name: str, patches: str, kernel: Values, n_at_once: int) -> str:
    """A convolution and its maximum over frequency: [n, filters in whole blocks, frames / n_at_once, 1].

    With several frames at once, filter j * n_filters + i is filter i, j frames later, and the convolution takes as
    many frames in one stride.
    """
    n_frames, n_bands = kernel.shape[:2]
    unrolled = np.concatenate(
        [np.pad(kernel, [(j, n_at_once - 1 - j), (0, 0), (0, 0), (0, 0)]) for j in range(n_at_once)], axis=-1
    )
    before = frames_before(n_frames)
    n_outputs = -(-PATCH_FRAMES // n_at_once)
    after = (n_outputs - 1) * n_at_once + len(unrolled) - PATCH_FRAMES - before
    unrolled = filled(unrolled, whole_blocks(unrolled.shape[-1]))
    convolution = graph.convolution(patches, name, unrolled, pads=(before, 0, after, 0), strides=(n_at_once, 1))
    return graph.node("MaxPool", [convolution], f"{name}/pool", kernel_shape=(1, N_BANDS - n_bands + 1))


def _frame_by_frame(graph: Emission, name: str, value: str, n_filters: int, n_at_once: int) -> str:
    """Undoes several frames at once: [n, n_filters, 187, 1]."""
    n_outputs = -(-PATCH_FRAMES // n_at_once)
    frames = np.arange(PATCH_FRAMES)
    outputs, later = frames // n_at_once, frames % n_at_once
    places = (later * n_filters + np.arange(n_filters)[:, None]) * n_outputs + outputs
    flat = graph.node("Flatten", [value], f"{name}/flat")
    return graph.node("Gather", [flat, graph.constant(f"{name}/places", places[..., None])], f"{name}/frames", axis=1)
