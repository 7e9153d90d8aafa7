"""What a run is of: its settings, and the folder that keeps them, so that only the same run goes on in it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from schemas.errors import InvalidSettingError
from training.data.prepared import PreparedData
from training.losses import LossName
from training.recipes import NetworkKind, ScheduleName
from training.sampling import Sampling

RUN_NAME: Final = "run.json"
# More losses and more seeds are the same run, whose members stay; and a name trains nothing.
_MAY_DIFFER: Final = ("losses", "n_seeds", "name", "licence")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What to train."""

    losses: tuple[LossName, ...]
    n_seeds: int
    network: NetworkKind
    width: int
    schedule: ScheduleName
    n_epochs: int | None
    sampling: Sampling
    mixup_alpha: float
    min_tracks: int  # a tag needs so many training tracks, and one of validation and test each
    licence: str
    name: str

    def member_names(self) -> list[tuple[str, LossName, int]]:
        """Each member's name, loss and seed."""
        return [(f"{self.network}-{loss}-{seed}", loss, seed) for loss in self.losses for seed in range(self.n_seeds)]

    def fields(self) -> dict[str, object]:
        """All of them, as JSON has them."""
        return dict(json.loads(json.dumps(asdict(self))))

    def shared_fields(self) -> dict[str, object]:
        """Those that are the same for all members of a run."""
        return {name: value for name, value in self.fields().items() if name not in _MAY_DIFFER}


def claim(folder: Path, data: PreparedData, settings: RunSettings, tags: Sequence[str]) -> None:
    """Note what this folder is of.

    Raises: InvalidSettingError when it is of something else, or cannot be written.
    """
    said = {"data": data.digest, "tags": list(tags), **settings.shared_fields()}
    path = folder / RUN_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = _noted(path)
        if before is not None and (changed := [key for key in said if before.get(key) != said[key]]):
            raise InvalidSettingError(
                f"{folder} is of another run: {changed[0]} was {str(before.get(changed[0]))[:80]!r}; name another --out"
            )
        staging = path.with_suffix(".part")
        every = {"same": said, "settings": settings.fields(), "form": data.form}
        staging.write_text(json.dumps(every, indent=2) + "\n")
        staging.replace(path)
    except OSError as error:
        raise InvalidSettingError(f"cannot write into {folder}: {error.strerror or error}") from error


def _noted(path: Path) -> dict[str, object] | None:
    """What an earlier call noted; None where there was none."""
    try:
        return dict(json.loads(path.read_text())["same"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidSettingError(f"{path} is damaged ({error!r}); remove it, or name another --out") from error
