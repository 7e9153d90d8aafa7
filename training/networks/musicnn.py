"""musicnn, trainable: layer for layer what the published members are, so that their weights are where it starts.

Source: Pons & Serra, arXiv:1909.06654; the wiring is that of `shared/models/graphs.py`.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from shared.models.bundle import Weights
from shared.models.published import N_BANDS
from training.networks.weights import (
    load_layer,
    load_norm,
    merged,
    norm_1d,
    norm_2d,
    norm_name,
    stored_layer,
    stored_norm,
)

# (frames, bands) and filters of the front end's five convolutions: two timbral ones, three temporal ones.
_FRONT_END: Final = ((7, int(0.4 * N_BANDS), 204), (7, int(0.7 * N_BANDS), 204), (128, 1, 51), (64, 1, 51), (32, 1, 51))
_N_MID_END: Final = 64
_MID_END_FRAMES: Final = 7
_N_DENSE: Final = 200
_DROPOUT: Final = 0.5
N_POOLED: Final = 2 * (sum(n for _, _, n in _FRONT_END) + 3 * _N_MID_END)


class Musicnn(nn.Module):
    """The network."""

    def __init__(self, n_tags: int) -> None:
        super().__init__()
        self.input_norm = norm_2d(1)
        self.front = nn.ModuleList(nn.Conv2d(1, n, (frames, bands)) for frames, bands, n in _FRONT_END)
        self.front_norms = nn.ModuleList(norm_2d(n) for _, _, n in _FRONT_END)
        n_front = sum(n for _, _, n in _FRONT_END)
        widths = (n_front, _N_MID_END, _N_MID_END)
        self.mid = nn.ModuleList(nn.Conv1d(n, _N_MID_END, _MID_END_FRAMES, padding=3) for n in widths)
        self.mid_norms = nn.ModuleList(norm_1d(_N_MID_END) for _ in widths)
        self.pool_norm = norm_1d(N_POOLED)
        self.dense = nn.Linear(N_POOLED, _N_DENSE)
        self.dense_norm = norm_1d(_N_DENSE)
        self.dropout = nn.Dropout(_DROPOUT)
        self.output = nn.Linear(_N_DENSE, n_tags)

    def pooled(self, mel: Tensor) -> Tensor:
        """Maximum and mean over time of every feature, in turn: (n, 1506)."""
        patches = self.input_norm(mel.unsqueeze(1))
        branches = []
        for convolution, norm, (frames, _, _) in zip(self.front, self.front_norms, _FRONT_END, strict=True):
            before = (frames - 1) // 2  # TensorFlow's "same" pads the end more
            padded = pad(patches, (0, 0, before, frames - 1 - before))
            branches.append(norm(torch.relu(convolution(padded))).amax(dim=3))
        layers = [torch.cat(branches, dim=1)]
        for convolution, norm in zip(self.mid, self.mid_norms, strict=True):
            value = norm(torch.relu(convolution(layers[-1])))
            layers.append(value if len(layers) == 1 else value + layers[-1])
        features = torch.cat(layers, dim=1)
        return torch.stack([features.amax(dim=2), features.mean(dim=2)], dim=2).flatten(1)

    def embedding(self, pooled: Tensor) -> Tensor:
        """What the last layer reads: (n, 200)."""
        hidden = torch.relu(self.dense(self.dropout(self.pool_norm(pooled))))
        return self.dense_norm(hidden)

    def forward(self, mel: Tensor) -> Tensor:
        """Logits (n, tags) of compressed patches (n, 187, 96)."""
        return self.output(self.dropout(self.embedding(self.pooled(mel))))

    def load_published(self, weights: Weights, *, with_output: bool = False) -> None:
        """Take over published weights; the output layer only where its tags are ours."""
        for module, name in self._norms():
            load_norm(module, name, weights)
        for module, name in self._layers():
            if name != "dense_1" or with_output:
                load_layer(module, name, weights)

    def as_published(self) -> Weights:
        """All weights, named and shaped as the published ones, for the product's own graphs."""
        return merged(
            *(stored_norm(module, name) for module, name in self._norms()),
            *(stored_layer(module, name) for module, name in self._layers()),
        )

    def _norms(self) -> list[tuple[nn.Module, str]]:
        norms = [self.input_norm, *self.front_norms, *self.mid_norms, self.pool_norm, self.dense_norm]
        return [(norm, norm_name(number)) for number, norm in enumerate(norms)]

    def _layers(self) -> list[tuple[nn.Module, str]]:
        convolutions = [*self.front, *self.mid]
        named = [(c, "conv2d" + (f"_{number}" if number else "")) for number, c in enumerate(convolutions)]
        return [*named, (self.dense, "dense"), (self.output, "dense_1")]
