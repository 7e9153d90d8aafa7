"""How the learning rate goes: USC-SAIL's two hundred epochs, or a short modern one."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

Optimiser: TypeAlias = Literal["adam", "adamw", "sgd"]

_WARM_UP = 0.1  # of a one-cycle phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Some epochs with one optimiser."""

    optimiser: Optimiser
    learning_rate: float
    n_epochs: int
    weight_decay: float
    one_cycle: bool = False  # up in the first tenth, then down along a cosine; else constant
    from_best: bool = False  # begins with the weights that were best on validation so far

    def rate_at(self, progress: float) -> float:
        """The learning rate when that part of the phase, 0 to 1, is over."""
        if not self.one_cycle:
            return self.learning_rate
        if progress < _WARM_UP:
            return self.learning_rate * progress / _WARM_UP
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (progress - _WARM_UP) / (1 - _WARM_UP)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Phases one after the other."""

    phases: tuple[Phase, ...]
    batch_size: int

    @property
    def n_epochs(self) -> int:
        """Of all phases."""
        return sum(phase.n_epochs for phase in self.phases)

    def at(self, epoch: int) -> tuple[int, int]:
        """The number of an epoch's phase, and the epoch's number in it."""
        for number, phase in enumerate(self.phases):
            if epoch < phase.n_epochs:
                return number, epoch
            epoch -= phase.n_epochs
        raise ValueError(f"epoch {epoch} is beyond the schedule")


def usc_sail(n_adam: int = 80, n_sgd: int = 30) -> Schedule:
    """Adam, then SGD with Nesterov's momentum at four rates, each from the best so far (media-eval-2020, train.py)."""
    sgd = (
        Phase(optimiser="sgd", learning_rate=rate, n_epochs=n_sgd, weight_decay=1e-4, from_best=True)
        for rate in (1e-2, 1e-3, 1e-4, 1e-5)
    )
    adam = Phase(optimiser="adam", learning_rate=1e-4, n_epochs=n_adam, weight_decay=1e-4)
    return Schedule(phases=(adam, *sgd), batch_size=32)


def short(n_epochs: int, learning_rate: float, weight_decay: float, batch_size: int = 32) -> Schedule:
    """One cycle of AdamW (Smith & Topin, arXiv:1708.07120; Loshchilov & Hutter, ICLR 2019)."""
    phase = Phase(
        optimiser="adamw", learning_rate=learning_rate, n_epochs=n_epochs, weight_decay=weight_decay, one_cycle=True
    )
    return Schedule(phases=(phase,), batch_size=batch_size)
