"""Fold: batch norms disappear into the convolutions around them, dead channels into constants.

ReLU and batch norm after a convolution z are ``scale * max(z, 0) + offset``. With y = scale * z (the scale folded into the
kernel) that is ``max(y, 0) + offset`` where the scale is positive and ``min(y, 0) + offset`` where it is negative. Both rise
with y, so they may as well follow a max-pool as precede it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.models.compiler.architectures import Affine, Block, Dense, Values
from shared.models.compiler.liveness import Channels

Positions = NDArray[np.intp]  # of channels


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedBlock:
    """What is left of a block: ``clipped(convolution(x, kernel) + bias) + offset``.

    Clipped is max(., 0) for the filters that are ``rising``, min(., 0) for the others.
    """

    kernel: Values  # [frames, bands, channels, filters]
    bias: Values  # [filters], or [frames, filters] where it depends on how much of the kernel lies in the padding
    offset: Values  # [filters]
    rising: NDArray[np.bool_]  # [filters]


def folded(block: Block, channels: Channels, order: Positions) -> FoldedBlock:
    """A block with its batch norm folded, and only the filters of ``order``; one that is dead gives its constant."""
    alive = channels.alive[order]
    scale = np.where(alive, block.norm.scale[order], 0)
    return FoldedBlock(
        kernel=block.convolution.kernel[..., order] * scale,
        bias=block.convolution.bias[order] * scale,
        offset=np.where(alive, block.norm.offset[order], channels.constants[order]),
        rising=scale >= 0,
    )


def constant_response(kernel: Values, constants: Values, n_frames: int, n_before: int) -> Values:
    """What a convolution over time gives for inputs that never change, zero-padded so that no frame is lost.

    Args:
        kernel: [frames, bands, channels, filters].
        constants: [channels], the value of each channel in every band.
        n_frames: how long the input is.
        n_before: how many zeros are padded before it; after it, as many as are needed.
    Returns: [n_frames, filters].
    """
    taps = np.einsum("tbcf,c->tf", kernel, constants)
    from_start = np.concatenate([np.zeros((1, taps.shape[1])), taps.cumsum(axis=0)])
    frames = np.arange(n_frames)
    first = np.maximum(n_before - frames, 0)
    end = np.minimum(len(taps), n_frames + n_before - frames)
    response: Values = from_start[end] - from_start[first]
    return response


def folded_dense(dense: Dense, inputs: Affine) -> Dense:
    """A dense layer with the batch norm before it folded in."""
    return Dense(dense.kernel * inputs.scale[:, None], dense.bias + inputs.offset @ dense.kernel)


def alive_positions(*layers: Channels) -> Positions:
    """The channels that live in any of these layers: those of the first, then those that each later one adds."""
    order: list[int] = []
    for channels in layers:
        order += [int(channel) for channel in np.flatnonzero(channels.alive) if channel not in order]
    return np.array(order, np.intp)


def where_in(order: Positions, n_channels: int) -> Positions:
    """For each of ``n_channels`` channels its place in ``order``, or -1."""
    places = np.full(n_channels, -1, np.intp)
    places[order] = np.arange(len(order))
    return places


def concatenated(parts: Sequence[Values]) -> Values:
    """Parts of a feature vector, end to end."""
    return np.concatenate(list(parts))
