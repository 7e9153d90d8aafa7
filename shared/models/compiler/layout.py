"""Lay out: channels in whole vectors, and which part of a patch can reach the output.

ONNX Runtime computes convolutions and pools in blocks of 16 channels (NCHWc, AVX-512; smaller blocks elsewhere divide
16), but only where every channel count is a multiple: one odd count sends a pool back to scalar code. Zeros fill up.
"""

from dataclasses import dataclass

import numpy as np

from shared.models.compiler.architectures import Values
from shared.models.published import N_BANDS, PATCH_FRAMES

BLOCK = 16


def whole_blocks(n_channels: int) -> int:
    """The next multiple of a block, at least one."""
    return BLOCK * max(1, -(-n_channels // BLOCK))


def blocks_and_rest(n_filters: int) -> tuple[int, int]:
    """How to lay out filters over time with few zeros: whole blocks, and a block of the rest, several frames at once.

    Returns: the size of the whole blocks, and for how many frames in turn a block has each filter of the rest. Where
    no two frames of the rest would fit into a block, there is no rest: zeros fill up.
    """
    n_rest = n_filters % BLOCK
    if n_rest == 0 or BLOCK // n_rest == 1:
        return whole_blocks(n_filters) if n_filters else 0, 1
    return n_filters - n_rest, BLOCK // n_rest


def filled(values: Values, size: int, axis: int = -1) -> Values:
    """Zeros appended along an axis until it has ``size`` entries."""
    widths = [(0, 0)] * values.ndim
    widths[axis] = (0, size - values.shape[axis])
    return np.pad(values, widths)


@dataclass(frozen=True, slots=True)
class Pool:
    """A max-pool without padding; (frames, bands) each."""

    window: tuple[int, int]
    strides: tuple[int, int]


VGG_POOLS = (
    Pool((4, 1), (2, 2)),
    Pool((2, 2), (2, 2)),
    Pool((2, 2), (2, 2)),
    Pool((2, 2), (2, 2)),
    Pool((4, 4), (4, 4)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How much of its input a 3x3 convolution of vgg has to read, from the first frame and band on."""

    shape: tuple[int, int]  # frames, bands
    pads_after: tuple[int, int]  # zeros behind them: 1 where the window is all there is, else 0
    conv_strides: tuple[int, int]
    pool: Pool


def vgg_windows() -> tuple[Window, ...]:
    """What can reach vgg's output: its last pool looks at 8 x 4 of 11 x 6 positions, and so back to the patch."""
    axes = [_axis_windows(size, axis) for axis, size in enumerate((PATCH_FRAMES, N_BANDS))]
    return tuple(
        Window(
            shape=(frames.size, bands.size),
            pads_after=(frames.pad_after, bands.pad_after),
            conv_strides=(frames.conv_stride, bands.conv_stride),
            pool=Pool(pool.window, (frames.pool_stride, bands.pool_stride)),
        )
        for pool, frames, bands in zip(VGG_POOLS, *axes, strict=True)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _AxisWindow:
    size: int
    pad_after: int
    conv_stride: int
    pool_stride: int


def _axis_windows(size: int, axis: int) -> list[_AxisWindow]:
    pools = [(pool.window[axis], pool.strides[axis]) for pool in VGG_POOLS]
    sizes = [size]
    for window, stride in pools:
        sizes.append((sizes[-1] - window) // stride + 1)
    n_needed = sizes[-1]
    windows = []
    for (window, stride), available in zip(reversed(pools), reversed(sizes[:-1]), strict=True):
        n_read = (n_needed - 1) * stride + window + 1  # the kernel's right half reads one more
        n_needed = min(n_read, available)
        # Where a pool looks at single positions and skips others, the convolution before it may skip them.
        conv_stride = stride if window == 1 else 1
        windows.append(
            _AxisWindow(
                size=n_needed,
                pad_after=n_read - n_needed,
                conv_stride=conv_stride,
                pool_stride=stride // conv_stride,
            )
        )
    return windows[::-1]
