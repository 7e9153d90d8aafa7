"""musicnn, folded and pruned: what has to be computed, and where each of its features then lies.

The front end reads the mel spectrogram, so several networks can share its convolutions; the rest is each one's own.
"""

from dataclasses import dataclass

import numpy as np

from schemas.errors import InvalidSettingError
from shared.models.compiler.architectures import FRONT_END_KERNELS, MID_END_FRAMES, Affine, Dense, Musicnn, Values
from shared.models.compiler.folding import (
    FoldedBlock,
    Positions,
    alive_positions,
    constant_response,
    folded,
    folded_dense,
)
from shared.models.compiler.liveness import MusicnnChannels, musicnn_channels
from shared.models.published import PATCH_FRAMES


def frames_before(n_kernel_frames: int) -> int:
    """How many of the zeros that TensorFlow pads, so that no frame is lost, come before the patch."""
    return (n_kernel_frames - 1) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedMusicnn:
    """musicnn's live channels.

    The tensors that are computed are the five branches, then the three mid-end layers, where layers two and three have
    their predecessor added (its channels come first). ``orders[i]`` lists the channels of tensor i; ``constants[i]``
    has a value for each channel of the original, of use where it is not in the order.
    """

    front_end: tuple[FoldedBlock, ...]
    mid_end: tuple[FoldedBlock, ...]
    orders: tuple[Positions, ...]
    constants: tuple[Values, ...]
    hidden: Dense  # rows as in the original: maximum and mean of each feature in turn
    hidden_norm: Affine
    output: Dense  # with hidden_norm folded in

    @property
    def n_features(self) -> int:
        """How many features are pooled in the original."""
        return sum(len(constants) for constants in self.constants)


def folded_musicnn(network: Musicnn) -> FoldedMusicnn:
    """Analyse, fold and prune.

    Raises: InvalidSettingError when it does not depend on the input.
    """
    channels = musicnn_channels(network)
    if not any(branch.alive.any() for branch in channels.front_end):
        raise InvalidSettingError("these weights of musicnn do not listen: its front end does not depend on the input")
    orders, constants = _orders(channels)
    front_end = []
    for block, branch, order, (n_frames, _) in zip(
        network.front_end, channels.front_end, orders, FRONT_END_KERNELS, strict=False
    ):
        # The patch is padded after its batch norm: its offset is missing where the kernel reads padding.
        raw = folded(block, branch, order)
        shift = constant_response(raw.kernel, network.input_norm.offset, PATCH_FRAMES, frames_before(n_frames))
        front_end.append(FoldedBlock(raw.kernel * network.input_norm.scale[:, None], raw.clipping.shifted(shift)))
    return FoldedMusicnn(
        front_end=tuple(front_end),
        mid_end=_mid_end(network, channels, orders, constants),
        orders=orders,
        constants=constants,
        hidden=folded_dense(network.hidden, network.pool_norm),
        hidden_norm=network.hidden_norm,
        output=folded_dense(network.output, network.hidden_norm),
    )


def _orders(channels: MusicnnChannels) -> tuple[tuple[Positions, ...], tuple[Values, ...]]:
    """Channels and constants of the eight tensors; a sum is alive where any of its terms is."""
    layers = channels.mid_end
    sums = [layers[: i + 1] for i in range(len(layers))]
    orders = [alive_positions(branch) for branch in channels.front_end] + [alive_positions(*terms) for terms in sums]
    constants = [branch.constants for branch in channels.front_end]
    constants += [np.sum([layer.constants for layer in terms], axis=0) for terms in sums]
    return tuple(orders), tuple(constants)


def _mid_end(
    network: Musicnn, channels: MusicnnChannels, orders: tuple[Positions, ...], constants: tuple[Values, ...]
) -> tuple[FoldedBlock, ...]:
    """The mid-end's blocks, reading only live channels; the constants of the others are in their biases and offsets."""
    n_branches = len(channels.front_end)
    starts = np.cumsum([0] + [len(values) for values in constants[:n_branches]])
    inputs = np.concatenate([order + start for order, start in zip(orders[:n_branches], starts, strict=False)])
    dead = _dead_constants(np.concatenate(constants[:n_branches]), inputs)
    blocks: list[FoldedBlock] = []
    for i, (block, order) in enumerate(zip(network.mid_end, orders[n_branches:], strict=True)):
        raw = folded(block, channels.mid_end[i], order)
        shift = constant_response(raw.kernel, dead, PATCH_FRAMES, frames_before(MID_END_FRAMES))
        clipping = raw.clipping.shifted(shift)
        if blocks:  # the residual connection adds what was computed before; here is what was not
            clipping = clipping.raised(dead[order])
        blocks.append(FoldedBlock(raw.kernel[:, :, inputs], clipping))
        inputs, dead = order, _dead_constants(constants[n_branches + i], order)
    return tuple(blocks)


def _dead_constants(constants: Values, order: Positions) -> Values:
    """The constants of dead channels, and zero for those that are computed."""
    dead = constants.copy()
    dead[order] = 0
    return dead
