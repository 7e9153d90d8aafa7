"""Where a run is, on disk: a killed one goes on from here, with the same result."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from schemas.errors import InvalidSettingError

CHECKPOINT_NAME: Final = "checkpoint.pt"

State = dict[str, Any]  # of a network or an optimiser: names and tensors


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a run is.

    Attributes:
        spec: what is being trained, and how; another one is another run.
        epoch, step: the next ones.
        best: the network's weights with the highest validation PR-AUC-macro so far.
        history: scores by epoch.
    """

    spec: str
    epoch: int = 0
    step: int = 0
    network: State | None = None
    optimiser: State | None = None
    best: State | None = None
    best_score: float = -1.0
    best_epoch: int = -1
    history: list[dict[str, float]] = field(default_factory=list)


def save_progress(progress: Progress, folder: Path) -> None:
    """Write it; who reads at the same time, or after a crash, sees the one before or this one.

    Raises: InvalidSettingError when it cannot be written.
    """
    fields = {name: getattr(progress, name) for name in Progress.__dataclass_fields__}
    staging = folder / f"{CHECKPOINT_NAME}.part"
    try:
        torch.save(fields, staging)
        staging.replace(folder / CHECKPOINT_NAME)
    except (OSError, RuntimeError) as error:  # PyTorch's own error where the disk is full
        raise InvalidSettingError(f"cannot write {folder / CHECKPOINT_NAME}: {_first_line(error)}") from error


def load_progress(spec: str, folder: Path) -> Progress:
    """What there is of this run; nothing yet where there is no file.

    Raises: InvalidSettingError when the file is of another run, or damaged.
    """
    path = folder / CHECKPOINT_NAME
    if not path.exists():
        return Progress(spec=spec)
    try:
        fields = torch.load(path, map_location="cpu", weights_only=True)
        found = Progress(**fields)
    except (RuntimeError, TypeError, EOFError, OSError) as error:
        raise InvalidSettingError(
            f"{path} is no checkpoint that can be read ({_first_line(error)}); remove it to begin again"
        ) from error
    if found.spec != spec:
        raise InvalidSettingError(
            f"{path} is of another run: {found.spec}, not {spec}; name another --out, or remove that folder"
        )
    return found


def _first_line(error: Exception) -> str:
    """PyTorch explains itself at length."""
    return str(error).partition("\n")[0].partition(". ")[0]
