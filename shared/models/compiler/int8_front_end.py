"""musicnn's front end with its two large kernels in bytes; the three narrow ones are no faster so and stay in floats.

A kernel as wide as 38 of 96 bands is a convolution over time alone when each of its 59 places on the band axis is a
window of 38 channels: its inputs then lie side by side in memory. The patch is padded with the byte that the network's
batch norm makes zero, which each network has its own of, so each has its own convolution on the windows that all share.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.models.compiler.architectures import FRONT_END_KERNELS, Musicnn, Values
from shared.models.compiler.emission import Emission
from shared.models.compiler.folding import Positions
from shared.models.compiler.int8_layers import TOP, Int8Convolution, Steps, corrected, rounded_kernel, steps_for
from shared.models.compiler.layout import filled, whole_blocks
from shared.models.compiler.liveness import INPUT_HIGH
from shared.models.compiler.musicnn import FoldedMusicnn, frames_before
from shared.models.compiler.musicnn_front_end import FrontEndTensor, emit_branches
from shared.models.compiler.probes import LOUDEST
from shared.models.compiler.rounding import gram_matrix
from shared.models.compiler.trials import convolved
from shared.models.graphs import INPUT
from shared.models.published import N_BANDS, PATCH_FRAMES

MEL_STEP: Final = LOUDEST / TOP
WIDE: Final = (0, 1)  # of the five branches
_NARROW: Final = (2, 3, 4)
_WORD: Final = 4  # windows of a multiple of so many bytes: 40 take 16.0 ms where 38 take 17.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Branch:
    """One network's filters of one wide branch."""

    convolution: Int8Convolution  # weights [filters, windows' channels, 1, 7]
    zero: int  # the byte that is padded and counts as zero
    steps: Steps
    offset: Values  # [filters]


def rounded_branches(
    network: Musicnn, live: FoldedMusicnn, patches: NDArray[np.float32]
) -> tuple[Int8Branch | None, ...]:
    """The wide branches in bytes; None for one without a live filter.

    Args:
        network: as it was read.
        live: the same, folded and pruned.
        patches: [n, 187, 96], for calibration.
    """
    norm = network.input_norm
    zero = round(float(np.clip(-norm.offset[0] / norm.scale[0] / MEL_STEP, 0, TOP)))
    return tuple(_rounded_branch(live, i, zero, patches) if len(live.orders[i]) else None for i in WIDE)


def _rounded_branch(live: FoldedMusicnn, index: int, zero: int, patches: NDArray[np.float32]) -> Int8Branch:
    block, (n_frames, n_bands) = live.front_end[index], FRONT_END_KERNELS[index]
    clipping = block.clipping
    before = frames_before(n_frames)
    pads = (before, 0, n_frames - 1 - before, 0)
    # In the middle of a patch no kernel reads padding; the bytes' padding then does what the bias map did.
    bias = np.broadcast_to(clipping.bias, (PATCH_FRAMES, len(clipping.offset)))[PATCH_FRAMES // 2]
    bias = bias + zero * MEL_STEP * block.kernel.sum((0, 1, 2))
    pool = ((1, N_BANDS - n_bands + 1), (1, 1))
    exact_mel = patches[:, None] - np.float32(zero * MEL_STEP)
    wanted = convolved(exact_mel, block.kernel, pads=pads, pool=pool) + bias.reshape(-1, 1, 1)
    reach = np.abs(block.kernel).sum((0, 1, 2)) * INPUT_HIGH + np.abs(bias)
    steps = steps_for(wanted, clipping, reach)
    mel = np.clip(np.rint(patches[:, None] / MEL_STEP), 0, TOP).astype(np.float32) - zero
    kernel = block.kernel * MEL_STEP / steps.scale
    found = rounded_kernel(kernel, gram_matrix(mel, (n_frames, n_bands), pads))
    in_steps = bias / steps.scale + steps.zero
    integers = found.weights.reshape(kernel.shape)
    pooled = convolved(mel, integers * found.steps, pads=pads, pool=pool) + in_steps.reshape(-1, 1, 1)
    in_steps = in_steps + corrected(steps.of(wanted), pooled)
    size = whole_blocks(len(steps.scale))
    weights = np.zeros((size, _window_bytes(n_bands), 1, n_frames), np.int8)
    weights[: len(steps.scale), :n_bands, 0] = integers[:, :, 0].transpose(2, 1, 0)
    return Int8Branch(
        convolution=Int8Convolution(
            weights=weights,
            steps=filled(found.steps, size).astype(np.float32),
            bias=filled(np.rint(in_steps / found.steps), size).astype(np.int32),
        ),
        zero=zero,
        steps=steps,
        offset=clipping.offset,
    )


def emit_int8_front_end(
    graph: Emission, networks: Mapping[str, FoldedMusicnn], wide: Mapping[str, tuple[Int8Branch | None, ...]]
) -> FrontEndTensor:
    """The shared tensor: what the narrow branches of all networks give, then the wide ones network by network."""
    narrow = emit_branches(graph, networks, _NARROW)
    parts, n_channels = [narrow.value], narrow.n_channels
    places: dict[str, list[Positions]] = {name: [] for name in networks}
    mel = graph.node("Transpose", [graph.to_steps(INPUT, "bytes", MEL_STEP)], "bytes/by_band", perm=(0, 2, 1))
    for i in WIDE:
        if not any(branches[i] for branches in wide.values()):
            continue
        windows = _windows(graph, mel, FRONT_END_KERNELS[i][1])
        for name, branches in wide.items():
            if branch := branches[i]:
                value = _branch(graph, f"{name}/front_end/{i}", windows, branch, FRONT_END_KERNELS[i])
                places[name].append(n_channels + np.arange(len(branch.steps.scale)))
                parts.append(value)
                n_channels += len(branch.convolution.steps)
    value = graph.node("Concat", parts, "front_end/all", axis=1)
    found = {name: np.concatenate([*places[name], narrow.places[name]]) for name in networks}
    return FrontEndTensor(value, n_channels, found)


def _window_bytes(n_bands: int) -> int:
    return -(-n_bands // _WORD) * _WORD


def _windows(graph: Emission, mel: str, n_bands: int) -> str:
    """[n, window's bands, windows, 187] of [n, 96, 187]; what is beyond a window's bands meets weights of zero."""
    n_windows = N_BANDS - n_bands + 1
    bands = np.minimum(np.arange(n_windows)[:, None] + np.arange(_window_bytes(n_bands)), N_BANDS - 1)
    name = f"windows/{n_bands}"
    gathered = graph.node("Gather", [mel, graph.constant(f"{name}/bands", bands)], f"{name}/gathered", axis=1)
    return graph.node("Transpose", [gathered], name, perm=(0, 2, 1, 3))


def _branch(graph: Emission, name: str, windows: str, branch: Int8Branch, kernel: tuple[int, int]) -> str:
    """[n, filters, 1, 187], as the network had it."""
    n_frames, n_bands = kernel
    before = frames_before(n_frames)
    convolution = branch.convolution
    value = graph.byte_convolution(
        windows,
        name,
        convolution.weights,
        convolution.steps,
        convolution.bias,
        zero=branch.zero,
        pads=(0, before, 0, n_frames - 1 - before),
    )
    value = graph.node("MaxPool", [value], f"{name}/pool", kernel_shape=(N_BANDS - n_bands + 1, 1))
    size = len(convolution.steps)
    scale = filled(branch.steps.scale, size)
    offset = filled(branch.offset - branch.steps.scale * branch.steps.zero, size)
    floats = graph.to_floats(value, f"{name}/floats")
    return graph.scaled(floats, f"{name}/original", scale[:, None, None], offset[:, None, None])
