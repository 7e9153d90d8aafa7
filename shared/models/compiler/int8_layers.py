"""Layers in 8 bits: what a channel's 255 steps mean, and a convolution that reads and gives such channels.

A channel is ``original = q * scale + offset`` with q from 0 to 255. Its scale is folded into the weights that make it,
so that clipping at 0 or 255 by the runtime is the rectifier: a rising channel is max(y, 0) = scale * q, a falling one
min(y, 0) = scale * (q - 255). How far a channel goes is what calibration patches show, and some more.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.models.compiler.architectures import Values
from shared.models.compiler.folding import Clipping
from shared.models.compiler.rounding import LARGEST, Rounded, rounded

TOP: Final = 255
# Music goes beyond what calibration showed, and to clip it costs more than coarser steps do. The largest error of a
# clip's mean on 32 clips of ten genres, calibrated on other music: 6e-2 at 1, 2.9e-2 at 1.2, 1.6e-2 at 1.6, 9e-3 here.
MARGIN: Final = 2.2


@dataclass(frozen=True, slots=True)
class Steps:
    """What channels mean: [filters] each."""

    scale: Values
    falling: NDArray[np.bool_]

    @property
    def zero(self) -> Values:
        """The q that stands for 0."""
        return np.where(self.falling, float(TOP), 0.0)

    def of(self, pooled: Values) -> NDArray[np.float32]:
        """Rectified values [n, filters, ...] in steps, not yet rounded; only the side of 0 is clipped."""
        shape = (-1, *(1,) * (pooled.ndim - 2))
        steps = pooled / self.scale.reshape(shape) + self.zero.reshape(shape)
        low, high = np.where(self.falling, -np.inf, 0.0), np.where(self.falling, TOP, np.inf)
        clipped: NDArray[np.float32] = np.clip(steps, low.reshape(shape), high.reshape(shape)).astype(np.float32)
        return clipped


def steps_for(pooled: Values, clipping: Clipping, reach: Values) -> Steps:
    """Steps that hold what was seen and some more, and never more than can be.

    Args:
        pooled: what the filters gave before they are rectified, [n, filters, ...].
        clipping: says which of them fall.
        reach: [filters], how far from 0 any input can bring them.
    """
    falling = ~clipping.rising
    flat = np.moveaxis(pooled, 1, 0).reshape(pooled.shape[1], -1)
    seen = np.where(falling, -flat.min(axis=1), flat.max(axis=1))
    span = np.minimum(np.where(seen > 0, MARGIN * seen, reach), reach)
    return Steps(np.maximum(span, 1e-9) / TOP, falling)


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Convolution:
    """Weights int8 [filters, channels, rows, columns], the step of each filter, and its bias in such steps."""

    weights: NDArray[np.int8]
    steps: NDArray[np.float32]
    bias: NDArray[np.int32]


def rounded_kernel(kernel: Values, gram: Values, one: Values | None = None) -> Rounded:
    """A kernel [rows, columns, channels, filters] as integers [rows * columns * channels, filters].

    ``one`` [rows, columns, filters] are the weights of the channel that is always one: they must fit into two integers.
    """
    n_filters = kernel.shape[-1]
    least = np.zeros(n_filters) if one is None else np.abs(one).reshape(-1, n_filters).max(axis=0) / (LARGEST * TOP)
    return rounded(kernel.reshape(-1, n_filters), gram, least)


def corrected(wanted: NDArray[np.floating], found: NDArray[np.floating]) -> Values:
    """What to add to each filter's bias [filters], in steps, so that its mean is right where it is not clipped.

    Args:
        wanted: [n, filters, ...] in steps, of the exact network.
        found: of the rounded one, before clipping.
    """
    axes = (0, *range(2, wanted.ndim))
    moving = (wanted > 0) & (wanted < TOP)
    counts = np.maximum(moving.sum(axis=axes), 1)
    return np.asarray(np.where(moving, wanted - found, 0.0).sum(axis=axes, dtype=np.float64) / counts)
