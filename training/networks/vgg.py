"""The published vgg, trainable: five 3 x 3 convolutions of 128 filters with max-pools, and one dense layer.

Source: Choi et al., arXiv:1606.00298, as musicnn's package has it; the wiring is that of `shared/models/graphs.py`.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from shared.models.bundle import Weights
from training.networks.weights import load_layer, load_norm, merged, norm_2d, norm_name, stored_layer, stored_norm

_WIDTH: Final = 128
_POOLS: Final = (((4, 1), (2, 2)), ((2, 2), (2, 2)), ((2, 2), (2, 2)), ((2, 2), (2, 2)), ((4, 4), (4, 4)))
_N_FLAT: Final = 2 * _WIDTH
_DROPOUT: Final = 0.5


class Vgg(nn.Module):
    """The network."""

    def __init__(self, n_tags: int) -> None:
        super().__init__()
        self.input_norm = norm_2d(1)
        self.convolutions = nn.ModuleList(nn.Conv2d(1 if i == 0 else _WIDTH, _WIDTH, 3, padding=1) for i in range(5))
        self.norms = nn.ModuleList(norm_2d(_WIDTH) for _ in range(5))
        self.dropout = nn.Dropout(_DROPOUT)
        self.output = nn.Linear(_N_FLAT, n_tags)

    def embedding(self, mel: Tensor) -> Tensor:
        """What the last layer reads: (n, 256), flattened time, frequency, channel."""
        value = self.input_norm(mel.unsqueeze(1))
        for convolution, norm, (window, strides) in zip(self.convolutions, self.norms, _POOLS, strict=True):
            value = max_pool2d(norm(torch.relu(convolution(value))), window, strides)
        return value.permute(0, 2, 3, 1).flatten(1)

    def forward(self, mel: Tensor) -> Tensor:
        """Logits (n, tags) of compressed patches (n, 187, 96)."""
        return self.output(self.dropout(self.embedding(mel)))

    def load_published(self, weights: Weights, *, with_output: bool = False) -> None:
        """Take over published weights; the output layer only where its tags are ours."""
        for module, name in self._norms():
            load_norm(module, name, weights)
        for module, name in self._layers():
            if name != "dense" or with_output:
                load_layer(module, name, weights)

    def as_published(self) -> Weights:
        """All weights, named and shaped as the published ones, for the product's own graphs."""
        return merged(
            *(stored_norm(module, name) for module, name in self._norms()),
            *(stored_layer(module, name) for module, name in self._layers()),
        )

    def _norms(self) -> list[tuple[nn.Module, str]]:
        return [(norm, norm_name(number)) for number, norm in enumerate([self.input_norm, *self.norms])]

    def _layers(self) -> list[tuple[nn.Module, str]]:
        named = [(layer, f"{number}CNN") for number, layer in enumerate(self.convolutions, start=1)]
        return [*named, (self.output, "dense")]
