"""vgg, folded and pruned, its channels laid out in whole blocks.

A batch norm's offset cannot simply move into the next convolution's bias, since zeros are padded behind it. So each
block has one channel that is always one: the next convolution reads offsets, and the constants of dead channels, from
it, and where that convolution is padded it reads zero there too, as it should.
"""

from dataclasses import dataclass

import numpy as np

from schemas.errors import InvalidSettingError
from shared.models.compiler.architectures import Dense, Values, Vgg
from shared.models.compiler.folding import FoldedBlock, Positions, folded
from shared.models.compiler.layout import BLOCK, filled, whole_blocks
from shared.models.compiler.liveness import Channels, vgg_channels

# A falling channel (see `folding`) needs min(y, 0) where the others need max(y, 0). One that moves little is reflected,
# limit + y clipped to [0, limit], and shares their convolution; above this the sum would round too much of y away.
REFLECTED_RANGE = 1.0

# A last block with so many channels or fewer is kept apart: the next convolution reads just these, not zeros too, and
# adds what it makes of them to what it makes of the whole blocks. With more, that costs as much as it saves.
LARGEST_REST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ClippedConvolution:
    """A convolution whose outputs are clipped: what one fused operation of the runtime does."""

    kernel: Values  # [3, 3, channels, filters]
    bias: Values  # [filters]
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where two tensors keep the channels of the original: ``original = tensors[place] * scale + offset``.

    The first tensor is in whole blocks, the second has few channels, or none; places count through both.
    """

    n_whole: int
    n_rest: int
    place: Positions  # [channels], -1 for a channel that is dead: its offset is its constant
    scale: Values  # [channels]
    offset: Values  # [channels]
    one: int | None  # the place that is always one

    def read_by(self, kernel: Values) -> Values:
        """A kernel [3, 3, channels, filters] for the original, rewritten for these tensors: [3, 3, places, filters]."""
        alive = np.flatnonzero(self.place >= 0)
        rewritten = np.zeros((*kernel.shape[:2], self.n_whole + self.n_rest, kernel.shape[3]))
        rewritten[:, :, self.place[alive]] = kernel[:, :, alive] * self.scale[alive][:, None]
        if self.one is not None:
            rewritten[:, :, self.one] = np.einsum("tbcf,c->tbf", kernel, self.offset)
        return rewritten


@dataclass(frozen=True, slots=True, kw_only=True)
class VggBlock:
    """The convolutions of a block, all of which read the same."""

    whole: tuple[ClippedConvolution, ...]  # their outputs, side by side, are the first tensor
    rest: ClippedConvolution | None  # its first outputs are the second
    places: Places  # in this block's outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedVgg:
    """vgg's live channels, block by block."""

    padding: float  # the input that its batch norm makes zero
    blocks: tuple[VggBlock, ...]
    output: Dense  # as in the original


def folded_vgg(network: Vgg) -> FoldedVgg:
    """Analyse, fold, prune and lay out.

    Raises: InvalidSettingError when it does not depend on the input.
    """
    norm, layers = network.input_norm, vgg_channels(network)
    if not (norm.scale[0] and layers[0].alive.any()):
        raise InvalidSettingError("these weights of vgg do not listen: its first block does not depend on the input")
    blocks: list[VggBlock] = []
    for block, channels in zip(network.blocks, layers, strict=True):
        raw = folded(block, channels, np.flatnonzero(channels.alive))
        if blocks:
            kernel, clipping = blocks[-1].places.read_by(raw.kernel), raw.clipping
        else:
            kernel = raw.kernel * norm.scale[0]
            clipping = raw.clipping.shifted(norm.offset[0] * raw.kernel.sum((0, 1, 2)))
        is_last = len(blocks) == len(network.blocks) - 1
        blocks.append(_laid_out(FoldedBlock(kernel, clipping), channels, is_last=is_last))
    return FoldedVgg(padding=float(-norm.offset[0] / norm.scale[0]), blocks=tuple(blocks), output=network.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filters:
    """A block's live filters before they have their places; the last one is the one."""

    kernel: Values  # [3, 3, channels, filters + 1]
    bias: Values  # [filters + 1]
    rising: Positions
    reflected: Positions
    falling: Positions
    limit: float  # what reflected filters are clipped to, and no rising one reaches, nor the one
    scale: Values  # [filters], as in Places
    offset: Values  # [filters]

    def clipped_from_below(self, filters: Positions) -> ClippedConvolution:
        """Some rising and reflected filters, in whole blocks."""
        high = self.limit if np.isin(filters, self.reflected).any() else None
        return self._convolution(filters, low=0.0, high=high)

    def clipped_from_above(self, filters: Positions) -> ClippedConvolution:
        """Some falling filters, in whole blocks."""
        return self._convolution(filters, low=None, high=0.0)

    def _convolution(self, filters: Positions, *, low: float | None, high: float | None) -> ClippedConvolution:
        size = whole_blocks(len(filters))
        kernel, bias = filled(self.kernel[..., filters], size), filled(self.bias[filters], size)
        return ClippedConvolution(kernel=kernel, bias=bias, low=low, high=high)


def _filters(block: FoldedBlock, channels: Channels) -> _Filters:
    clipping = block.clipping
    # y + bias, clipped, stays in [-reach, 0] or [0, reach]: the bounds of the batch norm's output without its offset.
    bounds = np.stack([channels.bounds.low, channels.bounds.high])[:, channels.alive]
    reach = np.abs(bounds - clipping.offset).max(axis=0)
    is_reflected = ~clipping.rising & (reach <= REFLECTED_RANGE)
    limit = max(1.0, float(reach[clipping.rising].max(initial=0)))
    stretch = np.where(is_reflected, limit / reach, 1)  # reflected filters fill [0, limit]: the least rounding
    return _Filters(
        kernel=np.append(block.kernel * stretch, np.zeros((*block.kernel.shape[:3], 1)), axis=-1),
        bias=np.append(clipping.bias * stretch + np.where(is_reflected, limit, 0), 1),
        rising=np.flatnonzero(clipping.rising),
        reflected=np.flatnonzero(is_reflected),
        falling=np.flatnonzero(~clipping.rising & ~is_reflected),
        limit=limit,
        scale=1 / stretch,
        offset=clipping.offset - np.where(is_reflected, reach, 0),
    )


def _laid_out(block: FoldedBlock, channels: Channels, *, is_last: bool) -> VggBlock:
    """Rising filters, the one, reflected ones; falling ones in a convolution of their own."""
    found = _filters(block, channels)
    one = len(found.bias) - 1
    first = np.concatenate([found.rising, np.arange(one, one + (not is_last)), found.reflected])
    n_rest = len(first) % BLOCK
    if is_last or n_rest > LARGEST_REST or len(first) < BLOCK:
        n_rest = 0
    first, rest = first[: len(first) - n_rest], first[len(first) - n_rest :]
    whole = [found.clipped_from_below(first)]
    if len(found.falling):
        whole.append(found.clipped_from_above(found.falling))
    n_whole = sum(len(part.bias) for part in whole)

    place = np.zeros(len(found.bias), np.intp)
    place[first] = np.arange(len(first))
    place[found.falling] = len(whole[0].bias) + np.arange(len(found.falling))
    place[rest] = n_whole + np.arange(n_rest)
    n_channels = len(channels.alive)
    places = Places(
        n_whole=n_whole,
        n_rest=n_rest,
        place=np.full(n_channels, -1, np.intp),
        scale=np.ones(n_channels),
        offset=channels.constants.copy(),
        one=None if is_last else int(place[one]),
    )
    places.place[channels.alive] = place[:one]
    places.scale[channels.alive] = found.scale
    places.offset[channels.alive] = found.offset
    return VggBlock(whole=tuple(whole), rest=found.clipped_from_below(rest) if n_rest else None, places=places)
