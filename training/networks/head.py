"""A linear layer on features of frozen networks: the strong baseline that costs minutes instead of days."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.inputs import Floats

_SMALLEST_DEVIATION = 1e-4  # features that are constant in training say nothing


class Head(nn.Module):
    """Standardised features (n, width) to logits (n, tags)."""

    def __init__(self, n_tags: int, mean: NDArray[np.float64], deviation: NDArray[np.float64], dropout: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(mean.astype(np.float32)))
        scale = np.where(deviation > _SMALLEST_DEVIATION, 1 / np.maximum(deviation, _SMALLEST_DEVIATION), 0.0)
        self.register_buffer("scale", torch.from_numpy(scale.astype(np.float32)))
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(len(mean), n_tags)
        nn.init.zeros_(self.output.weight)  # convex for BCE: where it starts does not matter, and this is smallest

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.output(self.dropout((x - self.mean) * self.scale))


def moments(rows: list[Floats]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of each feature over all rows, in float64."""
    n = sum(len(part) for part in rows)
    mean = sum(part.sum(axis=0, dtype=np.float64) for part in rows) / n
    squares = sum(((part - mean) ** 2).sum(axis=0, dtype=np.float64) for part in rows) / n
    return np.asarray(mean, np.float64), np.sqrt(np.asarray(squares, np.float64))
