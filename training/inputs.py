"""What a network is trained on and judged by: crops of waveforms, or features of frozen networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shared.front_end.mel import compressed
from shared.front_end.patches import cut, segments_of
from shared.front_end.spec import FrontEnd
from training.data.prepared import PreparedData, PreparedTrack
from training.front_end import MelFrontEnd, n_samples_of

Floats = NDArray[np.float32]


class Inputs(Protocol):
    """The tracks of one split, as a network takes them."""

    @property
    def targets(self) -> Floats:
        """What is true, (n_tracks, n_tags) of 0 and 1."""

    def drawn(self, tracks: Sequence[int], rng: np.random.Generator) -> Tensor:
        """One random piece of each of these tracks; what is mixed when there is mixup."""

    def heard(self, track: int) -> Tensor:
        """All pieces of a track that the pipeline lets a network hear, as the network takes them."""

    def first_layer(self) -> nn.Module:
        """Makes what the network takes of what was drawn."""


@dataclass(frozen=True)
class Crops:
    """Random crops of waveforms to train on; the pipeline's own patches to be judged by."""

    data: PreparedData
    tracks: Sequence[PreparedTrack]
    targets: Floats
    spec: FrontEnd
    patch_frames: int

    def drawn(self, tracks: Sequence[int], rng: np.random.Generator) -> Tensor:
        """Waveforms (n, samples)."""
        n = n_samples_of(self.spec, self.patch_frames)
        return torch.from_numpy(np.stack([self._crop(self.tracks[i], n, rng) for i in tracks]))

    def _crop(self, track: PreparedTrack, n: int, rng: np.random.Generator) -> Floats:
        slack = track.n_samples - n
        if slack >= 0:
            return self.data.samples(track, int(rng.integers(slack + 1)), n)
        return np.resize(self.data.samples(track), n)  # a short track again and again

    def heard(self, track: int) -> Tensor:
        """Compressed patches (k, frames, bands), cut as the extractor and the sessions cut them."""
        samples = self.data.samples(self.tracks[track])
        patches, _ = cut(segments_of(samples, self.spec, patch_frames=self.patch_frames), self.patch_frames)
        return torch.from_numpy(compressed(patches, self.spec))

    def first_layer(self) -> nn.Module:
        """The front end."""
        return MelFrontEnd(self.spec)


@dataclass(frozen=True)
class Features:
    """Features of frozen networks, computed once (`training.features`).

    Attributes:
        rows: by track (n_patches, width): first those that the pipeline hears, then others to train on.
        n_heard: how many of each track's the pipeline hears.
    """

    rows: Sequence[Floats]
    n_heard: Sequence[int]
    targets: Floats

    def drawn(self, tracks: Sequence[int], rng: np.random.Generator) -> Tensor:
        """One row of each track, (n, width)."""
        picked = [self.rows[i][rng.integers(len(self.rows[i]))] for i in tracks]
        return torch.from_numpy(np.stack(picked))

    def heard(self, track: int) -> Tensor:
        """(n_heard, width)."""
        return torch.from_numpy(np.array(self.rows[track][: self.n_heard[track]]))

    def first_layer(self) -> nn.Module:
        """Nothing is left to do."""
        return nn.Identity()


def targets_of(tracks: Sequence[PreparedTrack], tags: Sequence[str]) -> Floats:
    """What is true, (n_tracks, n_tags); tags that are not in the list are passed over."""
    column = {tag: i for i, tag in enumerate(tags)}
    targets = np.zeros((len(tracks), len(tags)), np.float32)
    for row, track in zip(targets, tracks, strict=True):
        row[[column[tag] for tag in track.tags if tag in column]] = 1.0
    return targets
