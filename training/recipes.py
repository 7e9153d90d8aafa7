"""What can be trained, and how it is usually trained: a network, what it hears, where it starts, its schedule."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import nn

from shared.front_end.spec import MUSICNN_96
from shared.models.published import PATCH_FRAMES, PUBLISHED, published_weights
from training.data.prepared import PreparedData
from training.data.tracks import Split
from training.features import N_MORE, features_of
from training.inputs import Crops, Features, Inputs, targets_of
from training.losses import LossName
from training.networks.head import Head, moments
from training.networks.musicnn import Musicnn
from training.networks.short_chunk import PATCH_FRAMES as SHORT_CHUNK_FRAMES
from training.networks.short_chunk import SHORT_CHUNK_128, ShortChunkRes
from training.networks.vgg import Vgg
from training.schedules import Schedule, short, usc_sail


class NetworkKind(StrEnum):
    """What can be trained."""

    HEADS = "heads"  # linear, on the four published networks
    MUSICNN = "musicnn"  # fine-tuned
    VGG = "vgg"  # fine-tuned
    SHORT_CHUNK = "short-chunk"  # from nothing


class ScheduleName(StrEnum):
    """How long, and at which rates."""

    SHORT = "short"
    USC_SAIL = "usc-sail"


@dataclass(frozen=True, slots=True)
class _Usual:
    """A kind's short schedule."""

    n_epochs: int
    learning_rate: float
    weight_decay: float


_USUAL: Final = {
    NetworkKind.HEADS: _Usual(60, 2e-3, 0.3),
    NetworkKind.MUSICNN: _Usual(15, 3e-4, 1e-2),
    NetworkKind.VGG: _Usual(15, 3e-4, 1e-2),
    NetworkKind.SHORT_CHUNK: _Usual(40, 1e-3, 1e-2),
}
_STARTS_FROM: Final = {NetworkKind.MUSICNN: "MSD_musicnn", NetworkKind.VGG: "MSD_vgg"}
# Chosen on rendered music's validation split (docs/training.md): more, and a little less, are worse.
HEAD_DROPOUT: Final = 0.3
_RARE: Final = 0.01  # π of Lin et al.: what a tag's probability is before anything is learnt


def schedule_of(kind: NetworkKind, name: ScheduleName, n_epochs: int | None) -> Schedule:
    """The schedule.

    Args:
        kind: of network.
        name: of the schedule.
        n_epochs: instead of the usual number; USC-SAIL's five phases are shortened alike.
    """
    if name is ScheduleName.USC_SAIL:
        n = usc_sail().n_epochs if n_epochs is None else n_epochs
        n_sgd = max(1, round(n * 30 / 200))
        return usc_sail(max(1, n - 4 * n_sgd), n_sgd)
    usual = _USUAL[kind]
    return short(n_epochs or usual.n_epochs, usual.learning_rate, usual.weight_decay)


def inputs_of(
    kind: NetworkKind,
    data: PreparedData,
    split: Split,
    tags: Sequence[str],
    cache: Path,
    done: Callable[[int], object] = int,
) -> Inputs:
    """What such a network is trained on or judged by.

    Args:
        kind: of network.
        data: prepared.
        split: which of its tracks.
        tags: in the order of the outputs.
        cache: folder for features of frozen networks.
        done: told how many tracks were dealt with, where that takes time.
    """
    tracks = data.of(split)
    targets = targets_of(tracks, tags)
    if kind is NetworkKind.HEADS:
        n_more = N_MORE if split is Split.TRAIN else 0
        return features_of(data, tracks, targets, cache, n_more=n_more, done=done)
    if kind is NetworkKind.SHORT_CHUNK:
        return Crops(data, tracks, targets, SHORT_CHUNK_128, SHORT_CHUNK_FRAMES)
    return Crops(data, tracks, targets, MUSICNN_96, PATCH_FRAMES)


def network_of(
    kind: NetworkKind, train: Inputs, *, width: int, seed: int, loss: LossName, schedule: ScheduleName
) -> nn.Module:
    """A network as it is before training.

    Args:
        kind: of network.
        train: its training tracks.
        width: of a short-chunk network.
        seed: of its random weights.
        loss: that it will be trained with.
        schedule: USC-SAIL began the output's bias at π = 0.01 for focal and class-balanced focal loss, and at nothing
            particular else; the short schedule begins it at each tag's frequency.
    """
    torch.manual_seed(seed)
    n_tags = train.targets.shape[1]
    network = _network(kind, train, n_tags, width)
    sail = schedule is ScheduleName.USC_SAIL
    if sail and loss in (LossName.FOCAL, LossName.CB):
        nn.init.constant_(network.output.bias, -float(np.log((1 - _RARE) / _RARE)))
    elif not sail:
        frequency = (train.targets.sum(axis=0) + 0.5) / (len(train.targets) + 1)
        with torch.no_grad():
            network.output.bias.copy_(torch.from_numpy(np.log(frequency / (1 - frequency)).astype(np.float32)))
    return network


def _network(kind: NetworkKind, train: Inputs, n_tags: int, width: int) -> nn.Module:
    if kind is NetworkKind.HEADS:
        if not isinstance(train, Features):
            raise TypeError(f"heads are trained on features, not on {type(train).__name__}")
        return Head(n_tags, *moments(list(train.rows)), HEAD_DROPOUT)
    if kind is NetworkKind.SHORT_CHUNK:
        return ShortChunkRes(n_tags, width)
    network = Musicnn(n_tags) if kind is NetworkKind.MUSICNN else Vgg(n_tags)
    [model] = [model for model in PUBLISHED if model.name == _STARTS_FROM[kind]]
    network.load_published(published_weights(model))
    return network
