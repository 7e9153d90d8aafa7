"""vgg in 8 bits: its first block in floats, since one input channel is no work for bytes, the others in bytes.

The channel that is always one, which carries offsets past the padding (see `vgg`), is two here, 255 and 1, so that its
weight is exact to a step: 255 * high + low.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.models.compiler.architectures import Dense, Values, Vgg
from shared.models.compiler.emission import Emission
from shared.models.compiler.folding import FoldedBlock, folded
from shared.models.compiler.int8_layers import (
    TOP,
    Int8Convolution,
    Steps,
    corrected,
    rounded_kernel,
    steps_for,
)
from shared.models.compiler.layout import Window, filled, vgg_windows, whole_blocks
from shared.models.compiler.liveness import Channels, vgg_channels
from shared.models.compiler.rounding import gram_matrix
from shared.models.compiler.trials import convolved
from shared.models.compiler.vgg import ClippedConvolution, Places
from shared.models.compiler.vgg_graph import emit_dense, emit_patches
from shared.models.published import N_BANDS, PATCH_FRAMES

_N_ONES = 2  # 255 and 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Vgg:
    """What is computed."""

    padding: float  # the input that its batch norm makes zero
    first: ClippedConvolution  # in steps
    blocks: tuple[Int8Convolution, ...]
    places: Places  # in the last block's outputs
    output: Dense


@dataclass(slots=True)
class _Streams:
    """Calibration patches as they are after a block: exact, and as bytes; both in steps, the one as last channel."""

    exact: NDArray[np.float32]
    bytes_: NDArray[np.float32]

    def advance(self, exact: NDArray[np.float32], found: NDArray[np.float32]) -> None:
        """Take the next block's: rectified but not rounded, and before it is rounded."""
        one = np.ones((len(exact), 1, *exact.shape[2:]), np.float32)
        self.exact = np.concatenate([exact.astype(np.float32), one], axis=1)
        self.bytes_ = np.concatenate([np.clip(np.rint(found), 0, TOP).astype(np.float32), one], axis=1)


def rounded_vgg(network: Vgg, patches: NDArray[np.float32]) -> Int8Vgg:
    """Fold, and round block by block.

    Args:
        network: in floats.
        patches: [n, 187, 96], for calibration.
    """
    norm, windows = network.input_norm, vgg_windows()
    padding = float(-norm.offset[0] / norm.scale[0])
    seen = _padded(patches, windows[0], padding)
    streams = _Streams(seen, seen)
    places: Places | None = None
    first: ClippedConvolution | None = None
    convolutions: list[Int8Convolution] = []
    for block, channels, window in zip(network.blocks, vgg_channels(network), windows, strict=True):
        raw = folded(block, channels, np.flatnonzero(channels.alive))
        if places is None:
            shift = norm.offset[0] * raw.kernel.sum((0, 1, 2))
            raw = FoldedBlock(raw.kernel * norm.scale[0], raw.clipping.shifted(shift))
            pads: tuple[int, int, int, int] = (0, 0, 0, 0)
        else:
            raw = FoldedBlock(places.read_by(raw.kernel), raw.clipping)
            pads = (1, 1, *window.pads_after)
        step = _Step(raw, channels, window, pads)
        steps, exact = step.calibrated(streams.exact)
        if first is None:
            first, found = step.in_floats(steps), exact
        else:
            convolution, found = step.in_bytes(steps, exact, streams.bytes_)
            convolutions.append(convolution)
        streams.advance(exact, found)
        places = _places(channels, steps, raw)
    if first is None or places is None:
        raise ValueError("a vgg has blocks")
    return Int8Vgg(padding=padding, first=first, blocks=tuple(convolutions), places=places, output=network.output)


@dataclass(frozen=True, slots=True)
class _Step:
    """One block on its way to bytes."""

    raw: FoldedBlock
    channels: Channels
    window: Window
    pads: tuple[int, int, int, int]

    def calibrated(self, exact: NDArray[np.float32]) -> tuple[Steps, NDArray[np.float32]]:
        """Steps for its channels, and what it gives in them."""
        pooled = self._pooled(exact, self.raw.kernel) + self.raw.clipping.bias.reshape(-1, 1, 1)
        bounds = np.stack([self.channels.bounds.low, self.channels.bounds.high])[:, self.channels.alive]
        steps = steps_for(pooled, self.raw.clipping, np.abs(bounds - self.raw.clipping.offset).max(axis=0))
        return steps, steps.of(pooled)

    def in_floats(self, steps: Steps) -> ClippedConvolution:
        """The block with its outputs in steps; rounding and clipping are left to whoever makes bytes of them."""
        size = whole_blocks(len(steps.scale) + _N_ONES)
        kernel = filled(self.raw.kernel / steps.scale, size)
        bias = np.concatenate([self.raw.clipping.bias / steps.scale + steps.zero, [TOP, 1]])
        return ClippedConvolution(kernel=kernel, bias=filled(bias, size))

    def in_bytes(
        self, steps: Steps, exact: NDArray[np.float32], read: NDArray[np.float32]
    ) -> tuple[Int8Convolution, NDArray[np.float32]]:
        """The block in bytes, and what it gives for calibration patches before rounding."""
        kernel = self.raw.kernel / steps.scale
        inputs, one = kernel[:, :, :-1], kernel[:, :, -1]
        n_filters = len(steps.scale)
        found = rounded_kernel(inputs, gram_matrix(read[:, :-1], (3, 3), self.pads), one)
        of_one = np.rint(one / found.steps)
        high = np.rint(of_one / TOP)
        size = whole_blocks(n_filters + _N_ONES)
        n_read = whole_blocks(inputs.shape[2] + _N_ONES)
        weights = np.zeros((size, n_read, 3, 3), np.int8)
        weights[:n_filters, : inputs.shape[2]] = found.weights.reshape(inputs.shape).transpose(3, 2, 0, 1)
        weights[:n_filters, inputs.shape[2]] = high.transpose(2, 0, 1)
        weights[:n_filters, inputs.shape[2] + 1] = (of_one - TOP * high).transpose(2, 0, 1)
        whole = np.concatenate([found.weights.reshape(inputs.shape), of_one[:, :, None]], axis=2)
        bias = self.raw.clipping.bias / steps.scale + steps.zero
        pooled = self._pooled(read, whole * found.steps) + bias.reshape(-1, 1, 1)
        better = corrected(exact, pooled)
        all_steps = np.concatenate([found.steps, np.ones(size - n_filters)])
        all_bias = np.concatenate([np.rint((bias + better) / found.steps), [TOP, 1]])
        convolution = Int8Convolution(
            weights=weights, steps=all_steps.astype(np.float32), bias=filled(all_bias, size).astype(np.int32)
        )
        return convolution, (pooled + better.reshape(-1, 1, 1)).astype(np.float32)

    def _pooled(self, values: NDArray[np.float32], kernel: Values) -> NDArray[np.float32]:
        pool = (self.window.pool.window, self.window.pool.strides)
        return convolved(values, kernel, pads=self.pads, strides=self.window.conv_strides, pool=pool)


def _places(channels: Channels, steps: Steps, raw: FoldedBlock) -> Places:
    """Where the next block finds the channels of the original, and the one behind them."""
    n, n_channels = len(steps.scale), len(channels.alive)
    places = Places(
        n_whole=n + 1,
        n_rest=0,
        place=np.full(n_channels, -1, np.intp),
        scale=np.ones(n_channels),
        offset=channels.constants.copy(),
        one=n,
    )
    places.place[channels.alive] = np.arange(n)
    places.scale[channels.alive] = steps.scale
    places.offset[channels.alive] = raw.clipping.offset - steps.scale * steps.zero
    return places


def _padded(patches: NDArray[np.float32], window: Window, padding: float) -> NDArray[np.float32]:
    """As `emit_patches` does it: cropped to what can reach the output, padded."""
    frames, bands = window.shape
    after = window.pads_after
    cropped = patches[:, : min(frames, PATCH_FRAMES), : min(bands, N_BANDS)]
    padded = np.pad(cropped, ((0, 0), (1, after[0]), (1, after[1])), constant_values=padding)
    return padded[:, None].astype(np.float32)


def emit_int8_vgg(graph: Emission, name: str, network: Int8Vgg) -> None:
    """Add one network, with the output ``<name>/probabilities``."""
    windows = vgg_windows()
    value = emit_patches(graph, name, windows[0], network.padding)
    value = graph.convolution(value, f"{name}/1CNN", network.first.kernel, strides=windows[0].conv_strides)
    value = _pooled(graph, f"{name}/1CNN", value, windows[0])
    # Bias after pool, as it may as well be: else the runtime makes bytes before the pool, which is slow on such bytes.
    bias = graph.constant(f"{name}/1CNN/bias", network.first.bias[:, None, None])
    value = graph.node("Add", [value, bias], f"{name}/1CNN/biased")
    value = graph.to_steps(value, f"{name}/1CNN/bytes", 1.0)
    for number, (block, window) in enumerate(zip(network.blocks, windows[1:], strict=True), start=2):
        block_name = f"{name}/{number}CNN"
        value = graph.byte_convolution(
            value,
            block_name,
            block.weights,
            block.steps,
            block.bias,
            pads=(1, 1, *window.pads_after),
            strides=window.conv_strides,
        )
        value = _pooled(graph, block_name, value, window)
    floats = graph.to_floats(value, f"{name}/floats")
    flat = graph.node("Flatten", [floats], f"{name}/flat")
    emit_dense(graph, name, flat, network.places, network.output, n_places=len(network.blocks[-1].steps))


def _pooled(graph: Emission, name: str, value: str, window: Window) -> str:
    pool = window.pool
    return graph.node("MaxPool", [value], f"{name}/pool", kernel_shape=pool.window, strides=pool.strides)
