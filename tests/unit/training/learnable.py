"""Small problems that small networks can learn, and runs on them; as a program, one process of several."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from training.inputs import Features
from training.losses import BinaryCrossEntropy, DistributionBalancedFocal, TagLoss
from training.networks.short_chunk import PATCH_FRAMES, ShortChunkRes
from training.sampling import Sampling
from training.schedules import Phase, Schedule
from training.trainer import Plan, Step, Trainer
from training.world import World, world

N_TAGS, WIDTH = 5, 12
ALONE = World(0, 1, torch.device("cpu"))
SEEDS = range(1, 7)
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


class UnmovedShortChunk(ShortChunkRes):
    """The network as it is at inference, dropout and norms included, but its weights are trained on."""

    def train(self, _: bool = True) -> "UnmovedShortChunk":
        super().train(False)
        return self


def patches(n_tracks: int, seed: int) -> Features:
    """Patches in dB, one a track, whose tags are bands that are louder for a while."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((n_tracks, N_TAGS)) < 0.4).astype(np.float32)
    mel = rng.normal(-40, 10, (n_tracks, 1, PATCH_FRAMES, 128)).astype(np.float32)
    for track, tag in np.argwhere(targets > 0):
        mel[track, 0, 100:200, 25 * tag : 25 * tag + 20] += 30
    return Features(rows=list(mel), n_heard=[1] * n_tracks, targets=targets)


def plain_trainer(folder: Path, of: World = ALONE) -> Trainer:
    """A run in which nothing is random but the order, and no track bears on what another one becomes."""
    train, validation = features(192, 1), features(80, 2)
    once = Features(rows=[rows[:1] for rows in train.rows], n_heard=[1] * 192, targets=train.targets)
    torch.manual_seed(7)
    network = nn.Sequential(nn.Linear(WIDTH, 16), nn.ReLU(), nn.Linear(16, N_TAGS))
    plan = Plan(name="plain", schedule=SCHEDULE, seed=1)
    return _made(folder, plan, network, BinaryCrossEntropy(), once, validation, of)


def short_chunk_trainer(folder: Path, of: World = ALONE) -> Trainer:
    """The same with USC-SAIL's network, narrow, and a loss that looks at all tags of a track: eight steps."""
    torch.manual_seed(7)
    phase = Phase(optimiser="adam", learning_rate=1e-3, n_epochs=2, weight_decay=1e-4)
    plan = Plan(name="short-chunk", schedule=Schedule(phases=(phase,), batch_size=8), seed=1)
    loss = DistributionBalancedFocal([12] * N_TAGS, 32)
    return _made(folder, plan, UnmovedShortChunk(N_TAGS, 4), loss, patches(32, 1), patches(16, 2), of)


def trainer(folder: Path, of: World = ALONE, *, seed: int = 1, told: Callable[[Step], object] = str) -> Trainer:
    """A run of seven epochs on 200 tracks, with all that is random: pieces, mixup, dropout; and with a batch norm."""
    plan = Plan(name="small", schedule=SCHEDULE, seed=seed, sampling=Sampling.STANDARD, mixup_alpha=1.0)
    return _made(folder, plan, small_network(), BinaryCrossEntropy(), features(200, 1), features(80, 2), of, told)


def _made(
    folder: Path,
    plan: Plan,
    network: nn.Module,
    loss: TagLoss,
    train: Features,
    validation: Features,
    of: World,
    told: Callable[[Step], object] = str,
) -> Trainer:
    folder.mkdir(parents=True, exist_ok=True)
    return Trainer(plan, network, loss, train, validation, folder, of, told)


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs = Path(sys.argv[1])
    if sys.argv[2:] == ["slow"]:
        trainer(runs, told=lambda _: time.sleep(0.02)).train()  # at a pace at which it can be killed
        sys.exit()
    with world() as mine:
        plain_trainer(runs / "plain", mine).train()
        short_chunk_trainer(runs / "short-chunk", mine).train()
        for number in SEEDS:
            trainer(runs / f"random-{number}", mine, seed=number).train()
