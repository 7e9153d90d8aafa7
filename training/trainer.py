"""Trains one network with one loss and one seed. Killed and begun again, a run ends as if it never had been killed."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from training.checkpoints import Progress, State, load_progress, save_progress
from training.evaluation import track_probabilities, validation_scores
from training.inputs import Inputs
from training.losses import TagLoss
from training.sampling import Indices, Sampling, epoch_order
from training.schedules import Phase, Schedule
from training.world import World

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

CHECKPOINT_EVERY_S: Final = 300.0  # so much work is lost at most; an epoch's end is saved always
_MOMENTUM: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to train."""

    name: str  # of the member, for people
    schedule: Schedule
    seed: int
    sampling: Sampling = Sampling.STANDARD
    mixup_alpha: float = 0.0  # of Beta(α, α); 0 is none
    spec: str = ""  # names everything that bears on the result

    def __post_init__(self) -> None:
        """A spec that is empty becomes this plan itself."""
        if not self.spec:
            object.__setattr__(self, "spec", repr(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Told after every step."""

    epoch: int
    step: int
    n_steps: int  # in this epoch
    n_epochs: int
    loss: float


class Trainer:
    """One run. ``train`` does what is left of it."""

    def __init__(
        self,
        plan: Plan,
        network: nn.Module,
        loss: TagLoss,
        train: Inputs,
        validation: Inputs,
        folder: Path,
        world: World,
        told: Callable[[Step], object] = str,
    ) -> None:
        self._plan, self._world, self._folder, self._told = plan, world, folder, told
        self._train, self._validation = train, validation
        self._network = network.to(world.device)
        self._first_layer = train.first_layer().to(world.device)
        self._loss = loss.to(world.device)
        self._progress = load_progress(plan.spec, folder)
        self._log = _log(folder) if world.is_first else None

    def train(self) -> Progress:
        """Train to the end of the schedule; the network then has its best weights."""
        progress, plan = self._progress, self._plan
        if progress.network is not None:
            self._network.load_state_dict(progress.network)
        together = self._world.together(self._network)
        optimiser = None
        while progress.epoch < plan.schedule.n_epochs:
            number, _ = plan.schedule.at(progress.epoch)
            optimiser = self._optimiser(optimiser, plan.schedule.phases[number])
            self._epoch(together, optimiser)
        if progress.best is not None:
            self._network.load_state_dict(progress.best)
        return progress

    def _optimiser(self, current: Optimizer | None, phase: Phase) -> Optimizer:
        """The phase's optimiser: a new one when it begins, or the one that the checkpoint has."""
        progress = self._progress
        begins = self._plan.schedule.at(progress.epoch)[1] == 0 and progress.step == 0
        if begins and phase.from_best and progress.best is not None:
            self._network.load_state_dict(progress.best)
        if current is not None and not begins:
            return current
        made = _made_optimiser(phase, self._network)
        if not begins and progress.optimiser is not None:
            made.load_state_dict(progress.optimiser)
        return made

    def _epoch(self, together: nn.Module, optimiser: Optimizer) -> None:
        progress, plan, world = self._progress, self._plan, self._world
        number, in_phase = plan.schedule.at(progress.epoch)
        phase = plan.schedule.phases[number]
        batches = self._batches()
        saved_at = time.monotonic()
        losses = []
        for step in range(progress.step, len(batches)):
            rate = phase.rate_at((in_phase + step / len(batches)) / phase.n_epochs)
            for group in optimiser.param_groups:
                group["lr"] = rate
            losses.append(self._step(together, optimiser, batches[step], step))
            self._told(self._as_step(step, len(batches), losses[-1]))
            if world.is_first and time.monotonic() - saved_at > CHECKPOINT_EVERY_S:
                self._save(optimiser, progress.epoch, step + 1)
                saved_at = time.monotonic()
        self._judge(float(np.mean(losses)) if losses else float("nan"))
        if world.is_first:
            self._save(optimiser, progress.epoch + 1, 0)
        progress.epoch, progress.step = progress.epoch + 1, 0
        world.wait()

    def _as_step(self, step: int, n_steps: int, loss: float) -> Step:
        n_epochs = self._plan.schedule.n_epochs
        return Step(epoch=self._progress.epoch, step=step, n_steps=n_steps, n_epochs=n_epochs, loss=loss)

    def _batches(self) -> list[Indices]:
        """This process's part of each batch of the epoch; every process has as many of as many tracks."""
        plan, size = self._plan, self._world.size
        order = epoch_order(plan.sampling, self._train.targets, [plan.seed, self._progress.epoch])
        batches = [order[i : i + plan.schedule.batch_size] for i in range(0, len(order), plan.schedule.batch_size)]
        whole = [batch[: len(batch) // size * size] for batch in batches]
        # A batch norm needs two tracks.
        return [np.asarray(self._world.share(batch)) for batch in whole if len(batch) >= 2 * size]  # type: ignore[arg-type]

    def _step(self, together: nn.Module, optimiser: Optimizer, tracks: Indices, step: int) -> float:
        """One batch. All that is random is made of seed, epoch, step and process."""
        place = [self._plan.seed, self._progress.epoch, step, self._world.rank]
        rng = np.random.default_rng(place)
        torch.manual_seed(int(rng.integers(2**63)))  # dropout
        device = self._world.device
        x = self._train.drawn(tracks.tolist(), rng).to(device, torch.float32)
        y = torch.from_numpy(self._train.targets[tracks]).to(device)
        together.train()
        optimiser.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = self._mixed(together, x, y, rng) if self._plan.mixup_alpha else self._plain(together, x, y)
        loss.backward()
        optimiser.step()
        return float(loss.detach())

    def _plain(self, together: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        with torch.no_grad():
            x = self._first_layer(x)
        return self._loss(together(x).float(), y)

    def _mixed(self, together: nn.Module, x: Tensor, y: Tensor, rng: np.random.Generator) -> Tensor:
        """Mixup of what was drawn, the loss mixed (Zhang et al., ICLR 2018, arXiv:1710.09412)."""
        lam = float(rng.beta(self._plan.mixup_alpha, self._plan.mixup_alpha))
        other = torch.from_numpy(rng.permutation(len(x))).to(x.device)
        with torch.no_grad():
            mixed = self._first_layer(lam * x + (1 - lam) * x[other])
        z = together(mixed).float()
        return lam * self._loss(z, y) + (1 - lam) * self._loss(z, y[other])

    def _judge(self, loss: float) -> None:
        """Score the network on validation, and keep it when it is the best so far."""
        progress = self._progress
        self._world.same_statistics(self._network)
        said = track_probabilities(self._network, self._validation, self._world)
        scores = validation_scores(said, self._validation.targets)
        progress.history.append({"epoch": progress.epoch, "loss": loss, **scores})
        if scores["pr_auc_macro"] > progress.best_score:
            progress.best_score, progress.best_epoch = scores["pr_auc_macro"], progress.epoch
            progress.best = _copied(self._network.state_dict())
        if self._log is not None:
            for name, value in {"loss/train": loss, **{f"validation/{k}": v for k, v in scores.items()}}.items():
                self._log.add_scalar(name, value, progress.epoch)
            self._log.flush()
            lines = "".join(json.dumps(line) + "\n" for line in progress.history)
            (self._folder / "history.jsonl").write_text(lines)

    def _save(self, optimiser: Optimizer, epoch: int, step: int) -> None:
        progress = self._progress
        network, state = _copied(self._network.state_dict()), optimiser.state_dict()
        fields = {"epoch": epoch, "step": step, "network": network, "optimiser": state}
        kept = {name: getattr(progress, name) for name in ("spec", "best", "best_score", "best_epoch", "history")}
        save_progress(Progress(**fields, **kept), self._folder)


def _made_optimiser(phase: Phase, network: nn.Module) -> Optimizer:
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if phase.optimiser == "sgd":
        return torch.optim.SGD(
            parameters, phase.learning_rate, momentum=_MOMENTUM, nesterov=True, weight_decay=phase.weight_decay
        )
    made = torch.optim.Adam if phase.optimiser == "adam" else torch.optim.AdamW
    return made(parameters, phase.learning_rate, weight_decay=phase.weight_decay)


def _copied(state: State) -> State:
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}


def _log(folder: Path) -> "SummaryWriter | None":
    """TensorBoard's writer; None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"))
