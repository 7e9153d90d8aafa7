"""Analyse: which channels can change at all, for any mel spectrogram that the front end can make.

Most filters of the published networks have norms of 1e-9 and less (weight decay): after ReLU and batch norm they are
constants. Here that is proved, not observed: by interval arithmetic from the range of the input through every layer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.models.compiler.architectures import Block, Musicnn, Values, Vgg
from shared.models.compiler.intervals import Interval

# The front end gives log10(10_000 * power + 1), with power clamped to 65,504, the largest float16: at most 8.82.
INPUT_LOW, INPUT_HIGH = 0.0, 9.0

# A channel that moves less than this after its batch norm, which made it about 1 wide in training, is dead. On the
# published networks what is lost cannot be told from the rounding of float32: probabilities differ by less than 1e-5.
DEAD_RANGE = 1e-4


@dataclass(frozen=True, slots=True)
class Channels:
    """What is known of a layer's channels, each array of shape [channels]."""

    bounds: Interval
    alive: NDArray[np.bool_]

    @property
    def constants(self) -> Values:
        """What stands for the channels that are dead."""
        return self.bounds.middle

    @classmethod
    def bounded(cls, bounds: Interval) -> "Channels":
        """Channels within these bounds."""
        return cls(bounds, bounds.width > DEAD_RANGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicnnChannels:
    """The channels of musicnn's layers."""

    front_end: tuple[Channels, ...]
    mid_end: tuple[Channels, ...]  # before their residual connections


def musicnn_channels(network: Musicnn) -> MusicnnChannels:
    """Which channels of musicnn are alive."""
    patches = _input_bounds().mapped(network.input_norm)
    front_end = tuple(Channels.bounded(_bounds(block, patches)) for block in network.front_end)
    mid_end: list[Channels] = []
    inputs = Interval.joined(*(channels.bounds for channels in front_end))
    for block in network.mid_end:
        outputs = _bounds(block, inputs)
        inputs = inputs.plus(outputs) if mid_end else outputs
        mid_end.append(Channels.bounded(outputs))
    return MusicnnChannels(front_end=front_end, mid_end=tuple(mid_end))


def vgg_channels(network: Vgg) -> tuple[Channels, ...]:
    """Which channels of vgg's blocks are alive."""
    inputs = _input_bounds().mapped(network.input_norm)
    channels: list[Channels] = []
    for block in network.blocks:
        inputs = _bounds(block, inputs)  # a max-pool keeps bounds
        channels.append(Channels.bounded(inputs))
    return tuple(channels)


def _input_bounds() -> Interval:
    return Interval(np.array([INPUT_LOW]), np.array([INPUT_HIGH]))


def _bounds(block: Block, inputs: Interval) -> Interval:
    return inputs.with_zero().convolved(block.convolution).rectified().mapped(block.norm)
