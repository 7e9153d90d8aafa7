"""Predictions of taggers as papers publish them: an .npz file with what is true and what one or more models say."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InvalidSettingError

TRUTH, NAMES, THRESHOLDS = "truth", "names", "thresholds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What is true of tracks, and what models say.

    Attributes:
        truth: (n_tracks, n_tags) of 0 and 1.
        by_model: the same shape, the higher the more likely; with several models also their mean.
        names: of the tags; None where the file has none.
        thresholds: per tag, a tag is given at or above it; None where the file has none.
    """

    truth: NDArray[np.generic]
    by_model: Mapping[str, NDArray[np.generic]]
    names: tuple[str, ...] | None
    thresholds: tuple[float, ...] | None


def load_predictions(path: Path) -> Predictions:
    """Read ``truth``, optionally ``names`` and ``thresholds``; every other array is one model's predictions.

    Raises: InvalidSettingError, saying what is wrong with the file.
    """
    try:
        with path.open("rb") as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InvalidSettingError(f"{path} is no .npz file of plain arrays: {error}") from error
    truth, names, thresholds = (arrays.pop(name, None) for name in (TRUTH, NAMES, THRESHOLDS))
    if truth is None or truth.ndim != 2 or not arrays:
        raise InvalidSettingError(f"{path} needs an array `{TRUTH}`, (n_tracks, n_tags), and one of predictions")
    if other := {name: array.shape for name, array in arrays.items() if array.shape != truth.shape}:
        raise InvalidSettingError(f"{path}: `{TRUTH}` has shape {truth.shape}, but {other}")
    for given in (names, thresholds):
        if given is not None and given.shape != truth.shape[1:]:
            raise InvalidSettingError(f"{path}: names and thresholds are one a tag, shape {truth.shape[1:]}")
    if len(arrays) > 1:
        arrays[f"mean of {len(arrays)}"] = np.mean([a.astype(np.float64) for a in arrays.values()], axis=0)
    return Predictions(
        truth=truth,
        by_model=arrays,
        names=None if names is None else tuple(map(str, names)),
        thresholds=None if thresholds is None else tuple(map(float, thresholds)),
    )
