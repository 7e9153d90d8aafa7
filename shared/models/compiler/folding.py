"""Fold: batch norms disappear into the convolutions around them, dead channels into constants.

ReLU and batch norm after a convolution z are ``scale * max(z, 0) + offset``. With y = scale * z (the scale folded into
the kernel) that is ``max(y, 0) + offset`` where the scale is positive and ``min(y, 0) + offset`` where it is negative.
Both rise with y, so they may as well follow a max-pool as precede it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.models.compiler.architectures import Affine, Block, Dense, Values
from shared.models.compiler.layout import filled
from shared.models.compiler.liveness import Channels

Positions: TypeAlias = NDArray[np.intp]  # of channels


@dataclass(frozen=True, slots=True)
class Clipping:
    """What follows a folded convolution: ``clipped(y + bias) + offset``, filter by filter.

    Clipped is max(., 0) for the filters that are ``rising``, min(., 0) for the others.
    """

    bias: Values  # [filters], or [frames, filters] where it depends on how much of the kernel lies in the padding
    offset: Values  # [filters]
    rising: NDArray[np.bool_]  # [filters]

    def shifted(self, shift: Values) -> Self:
        """With more bias."""
        return type(self)(self.bias + shift, self.offset, self.rising)

    def raised(self, constants: Values) -> Self:
        """With constants [filters] added to what comes out."""
        return type(self)(self.bias, self.offset + constants, self.rising)

    def filled(self, n_filters: int) -> Self:
        """With filters appended that give zero for zero."""
        rising = np.concatenate([self.rising, np.ones(n_filters - len(self.rising), np.bool_)])
        return type(self)(filled(self.bias, n_filters), filled(self.offset, n_filters), rising)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The filters of all, one part behind the other."""
        return cls(
            np.concatenate([part.bias for part in parts], axis=-1),
            np.concatenate([part.offset for part in parts]),
            np.concatenate([part.rising for part in parts]),
        )


@dataclass(frozen=True, slots=True)
class FoldedBlock:
    """What is left of a block: a convolution with kernel [frames, bands, channels, filters], then the clipping."""

    kernel: Values
    clipping: Clipping


def folded(block: Block, channels: Channels, order: Positions) -> FoldedBlock:
    """A block with its batch norm folded, and only the filters of ``order``; one that is dead gives its constant."""
    alive = channels.alive[order]
    scale = np.where(alive, block.norm.scale[order], 0)
    clipping = Clipping(
        bias=block.convolution.bias[order] * scale,
        offset=np.where(alive, block.norm.offset[order], channels.constants[order]),
        rising=scale >= 0,
    )
    return FoldedBlock(block.convolution.kernel[..., order] * scale, clipping)


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
