"""The two architectures' weights as layers, in float64; or a refusal, when the weights are not of that architecture.

Kernel sizes and wiring are fixed, as in the plain graphs; how many filters, units and tags there are, the weights say.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InvalidSettingError
from shared.models.bundle import Weights
from shared.models.published import BATCH_NORM_EPSILON, N_BANDS

Values: TypeAlias = NDArray[np.float64]

# (frames, bands): two timbral branches of 0.4 and 0.7 of the bands, three temporal ones.
FRONT_END_KERNELS = ((7, int(0.4 * N_BANDS)), (7, int(0.7 * N_BANDS)), (128, 1), (64, 1), (32, 1))
MID_END_FRAMES = 7
N_MID_END = 3
N_VGG_BLOCKS = 5
VGG_FLAT_POSITIONS = 2  # what is left of 187 x 96 after five pools: 2 x 1

# What an optimiser leaves in a checkpoint beside the weights.
_OPTIMISER = re.compile(r".*/(Adam|Adam_1|Momentum)|beta[12]_power|global_step")


@dataclass(frozen=True, slots=True)
class Affine:
    """A batch norm at inference: ``scale * x + offset``, both [channels]."""

    scale: Values
    offset: Values


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution: kernel [frames, bands, channels, filters] and bias [filters]."""

    kernel: Values
    bias: Values


@dataclass(frozen=True, slots=True)
class Block:
    """Convolution, then ReLU, then batch norm: what both architectures are made of."""

    convolution: Convolution
    norm: Affine


@dataclass(frozen=True, slots=True)
class Dense:
    """A dense layer: kernel [inputs, units] and bias [units]."""

    kernel: Values
    bias: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Musicnn:
    """musicnn (arXiv:1711.02520, section 3; arXiv:1909.06654)."""

    input_norm: Affine
    front_end: tuple[Block, ...]  # as FRONT_END_KERNELS
    mid_end: tuple[Block, ...]
    pool_norm: Affine  # over the pooled features, maximum and mean of each in turn
    hidden: Dense
    hidden_norm: Affine
    output: Dense


@dataclass(frozen=True, slots=True, kw_only=True)
class Vgg:
    """Five blocks of 3x3 convolutions, each with a max-pool, and a dense layer (time, frequency, channel flattened)."""

    input_norm: Affine
    blocks: tuple[Block, ...]
    output: Dense


def read_musicnn(weights: Weights) -> Musicnn:
    """The layers of musicnn.

    Raises: InvalidSettingError when a tensor is missing, unknown, of another shape or not finite.
    """
    reader = _LayerReader(weights, "musicnn")
    front_end = tuple(
        reader.block(f"conv2d_{i}" if i else "conv2d", i + 1, (frames, bands, 1))
        for i, (frames, bands) in enumerate(FRONT_END_KERNELS)
    )
    n_features = sum(block.convolution.bias.size for block in front_end)
    mid_end: tuple[Block, ...] = ()
    for i in range(len(front_end), len(front_end) + N_MID_END):
        # Kernels as wide as all features together, one channel deep: the same as one band of n_features channels.
        n_inputs = mid_end[-1].convolution.bias.size if mid_end else n_features
        block = reader.block(f"conv2d_{i}", i + 1, (MID_END_FRAMES, n_inputs, 1))
        kernel = block.convolution.kernel.transpose(0, 2, 1, 3)
        mid_end += (Block(Convolution(kernel, block.convolution.bias), block.norm),)
    widths = [block.convolution.bias.size for block in mid_end]
    if len(set(widths)) != 1:
        raise InvalidSettingError(f"these weights are not musicnn's: its residual layers differ in width: {widths}")
    n_pooled = 2 * (n_features + sum(widths))
    hidden = reader.dense("dense", n_pooled)
    musicnn = Musicnn(
        input_norm=reader.norm(0, 1),
        front_end=front_end,
        mid_end=mid_end,
        pool_norm=reader.norm(9, n_pooled),
        hidden=hidden,
        hidden_norm=reader.norm(10, hidden.bias.size),
        output=reader.dense("dense_1", hidden.bias.size),
    )
    reader.refuse_what_is_left()
    return musicnn


def read_vgg(weights: Weights) -> Vgg:
    """The layers of vgg.

    Raises: InvalidSettingError when a tensor is missing, unknown, of another shape or not finite.
    """
    reader = _LayerReader(weights, "vgg")
    blocks: tuple[Block, ...] = ()
    for number in range(1, N_VGG_BLOCKS + 1):
        n_inputs = blocks[-1].convolution.bias.size if blocks else 1
        blocks += (reader.block(f"{number}CNN", number, (3, 3, n_inputs)),)
    vgg = Vgg(
        input_norm=reader.norm(0, 1),
        blocks=blocks,
        output=reader.dense("dense", VGG_FLAT_POSITIONS * blocks[-1].convolution.bias.size),
    )
    reader.refuse_what_is_left()
    return vgg


class _LayerReader:
    """Takes layers out of named weights and remembers which names it has seen."""

    def __init__(self, weights: Weights, architecture: str) -> None:
        self._weights = weights
        self._architecture = architecture
        self._seen: set[str] = set()

    def block(self, layer: str, norm_number: int, shape: tuple[int, int, int]) -> Block:
        """Convolution ``layer`` with the batch norm after it; ``shape`` is (frames, bands, channels)."""
        kernel = self._tensor(f"{layer}/kernel", (*shape, None))
        n_filters = kernel.shape[-1]
        return Block(
            Convolution(kernel, self._tensor(f"{layer}/bias", (n_filters,))), self.norm(norm_number, n_filters)
        )

    def norm(self, number: int, n_channels: int) -> Affine:
        """The batch norm that TensorFlow numbered so (the first has no number)."""
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        gamma, beta, mean, variance = (
            self._tensor(f"{name}/{role}", (n_channels,))
            for role in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        if (variance < 0).any():
            raise InvalidSettingError(f"{name}/moving_variance has a negative value: {variance.min()}")
        scale = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
        return Affine(scale, beta - scale * mean)

    def dense(self, layer: str, n_inputs: int) -> Dense:
        """A dense layer."""
        kernel = self._tensor(f"{layer}/kernel", (n_inputs, None))
        return Dense(kernel, self._tensor(f"{layer}/bias", (kernel.shape[-1],)))

    def refuse_what_is_left(self) -> None:
        """Weights that nothing read would be lost without a word: raises InvalidSettingError."""
        unknown = sorted(name for name in self._weights if name not in self._seen and not _OPTIMISER.fullmatch(name))
        if unknown:
            raise InvalidSettingError(f"these weights are not {self._architecture}'s: unknown {', '.join(unknown)}")

    def _tensor(self, name: str, shape: tuple[int | None, ...]) -> Values:
        """One tensor in float64; None in ``shape`` is any size but 0."""
        if name not in self._weights:
            raise InvalidSettingError(f"these weights are not {self._architecture}'s: {name} is missing")
        tensor = self._weights[name].astype(np.float64)
        fits = len(shape) == tensor.ndim and all(
            size in (wanted, wanted or size) for size, wanted in zip(tensor.shape, shape, strict=True)
        )
        if not fits or 0 in tensor.shape:
            raise InvalidSettingError(
                f"these weights are not {self._architecture}'s: {name} is {list(tensor.shape)}, not {list(shape)}"
            )
        if not np.isfinite(tensor).all():
            raise InvalidSettingError(f"{name} has values that are not finite")
        self._seen.add(name)
        return tensor
