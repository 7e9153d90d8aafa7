"""What members say of tracks, beside what is true, on disk and in memory."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InvalidSettingError
from shared.evaluation.arrays import load_predictions

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """Of one split.

    Attributes:
        truth: (n_tracks, n_tags) of 0 and 1.
        names: of the tags.
        members: by name, (n_tracks, n_tags) of probabilities.
        thresholds: per tag, of the members' mean; infinite where it is never given.
    """

    truth: NDArray[np.float32]
    names: tuple[str, ...]
    members: dict[str, Floats] = field(repr=False)
    thresholds: Floats | None = None

    @property
    def mean(self) -> Floats:
        """The ensemble: the mean of its members."""
        return np.asarray(np.mean(list(self.members.values()), axis=0), np.float64)


def save_predictions(predictions: Predictions, path: Path) -> None:
    """Write the file, in the form that `needledrop evaluate --arrays` reads."""
    arrays = {"truth": predictions.truth.astype(np.uint8), "names": np.array(predictions.names)}
    if predictions.thresholds is not None:
        arrays["thresholds"] = predictions.thresholds
    np.savez_compressed(path, **arrays, **predictions.members)  # type: ignore[arg-type]  # savez's own keywords


def load_run_predictions(path: Path) -> Predictions:
    """Read it back.

    Raises: InvalidSettingError when it is not such a file.
    """
    found = load_predictions(path)
    if found.names is None:
        raise InvalidSettingError(f"{path} does not name its tags: `needledrop train run` writes files that do")
    members = {name: a.astype(np.float64) for name, a in found.by_model.items() if not name.startswith("mean of ")}
    thresholds = None if found.thresholds is None else np.asarray(found.thresholds)
    return Predictions(truth=found.truth.astype(np.float32), names=found.names, members=members, thresholds=thresholds)
