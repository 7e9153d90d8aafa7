"""Interval arithmetic: between which bounds a layer's channels stay, whatever the input.

Everything is float64. Its rounding (1e-16 of values below 1e7) is far below what is asked of a bound (`DEAD_RANGE`), so
bounds are not rounded outwards.
"""

from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.models.compiler.architectures import Affine, Convolution

Float64s: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds of each channel, both of shape [channels]."""

    low: Float64s
    high: Float64s

    @property
    def width(self) -> Float64s:
        """How far each channel can move."""
        return self.high - self.low

    @property
    def middle(self) -> Float64s:
        """The constant that is never further than half the width from the channel."""
        return (self.low + self.high) / 2

    def with_zero(self) -> Self:
        """The same, and zero too: what a convolution reads where zeros are padded."""
        return type(self)(np.minimum(self.low, 0), np.maximum(self.high, 0))

    def rectified(self) -> Self:
        """After ReLU."""
        return type(self)(np.maximum(self.low, 0), np.maximum(self.high, 0))

    def mapped(self, affine: Affine) -> Self:
        """After ``scale * x + offset``, where a negative scale exchanges the bounds."""
        ends = affine.scale * self.low + affine.offset, affine.scale * self.high + affine.offset
        return type(self)(np.minimum(*ends), np.maximum(*ends))

    def convolved(self, convolution: Convolution) -> Self:
        """After a convolution whose inputs move independently: exact for one layer, an upper bound for several."""
        rising = np.maximum(convolution.kernel, 0).sum((0, 1))  # [channels, filters]
        falling = np.minimum(convolution.kernel, 0).sum((0, 1))
        return type(self)(
            self.low @ rising + self.high @ falling + convolution.bias,
            self.high @ rising + self.low @ falling + convolution.bias,
        )

    def plus(self, other: Self) -> Self:
        """The sum of two tensors (a residual connection)."""
        return type(self)(self.low + other.low, self.high + other.high)

    @classmethod
    def joined(cls, *parts: Self) -> Self:
        """Tensors concatenated along their channels."""
        return cls(np.concatenate([part.low for part in parts]), np.concatenate([part.high for part in parts]))
