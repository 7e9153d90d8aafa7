"""A small problem that a small network can learn, and a run on it; as a program, one process of several."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from training.inputs import Features
from training.losses import BinaryCrossEntropy
from training.sampling import Sampling
from training.schedules import Phase, Schedule
from training.trainer import Plan, Step, Trainer
from training.world import World, world

N_TAGS, WIDTH = 5, 12
ALONE = World(0, 1, torch.device("cpu"))
SCHEDULE = Schedule(
    phases=(
        Phase(optimiser="adamw", learning_rate=0.01, n_epochs=4, weight_decay=0.01, one_cycle=True),
        Phase(optimiser="sgd", learning_rate=0.01, n_epochs=3, weight_decay=1e-4, from_best=True),
    ),
    batch_size=16,
)


def features(n_tracks: int, seed: int) -> Features:
    """Tracks whose tags are linear in their features, with noise; three pieces of each, two of which are heard."""
    rng = np.random.default_rng(seed)
    towards = np.random.default_rng(0).normal(size=(WIDTH, N_TAGS))
    tracks = rng.normal(size=(n_tracks, WIDTH))
    targets = (tracks @ towards + rng.normal(0, 2, (n_tracks, N_TAGS)) > 2.0).astype(np.float32)
    rows = [(track + rng.normal(0, 0.3, (3, WIDTH))).astype(np.float32) for track in tracks]
    return Features(rows=rows, n_heard=[2] * n_tracks, targets=targets)


def small_network() -> nn.Module:
    """With a batch norm and dropout: what has a state and what is random."""
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(WIDTH, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, N_TAGS))


def plain_trainer(folder: Path, of: World = ALONE) -> Trainer:
    """A run in which nothing is random but the order, and no track bears on what another one becomes."""
    folder.mkdir(parents=True, exist_ok=True)
    train, validation = features(192, 1), features(80, 2)
    once = Features(rows=[rows[:1] for rows in train.rows], n_heard=[1] * 192, targets=train.targets)
    torch.manual_seed(7)
    network = nn.Sequential(nn.Linear(WIDTH, 16), nn.ReLU(), nn.Linear(16, N_TAGS))
    return Trainer(
        Plan(name="plain", schedule=SCHEDULE, seed=1), network, BinaryCrossEntropy(), once, validation, folder, of
    )


def trainer(folder: Path, of: World = ALONE, *, seed: int = 1, told: Callable[[Step], object] = str) -> Trainer:
    """A run of seven epochs on 200 tracks, with all that is random: pieces, mixup, dropout."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = Plan(name="small", schedule=SCHEDULE, seed=seed, sampling=Sampling.STANDARD, mixup_alpha=1.0)
    return Trainer(plan, small_network(), BinaryCrossEntropy(), features(200, 1), features(80, 2), folder, of, told)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with world() as mine:
        trainer(Path(sys.argv[1]) / "random", mine).train()
        plain_trainer(Path(sys.argv[1]) / "plain", mine).train()
