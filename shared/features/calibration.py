"""Monotone maps that bring a feature nearer to other people's scale, as a versioned file that whoever labels applies.

A map never changes which of two tracks has more of a feature, only the numbers. It belongs to one version of the
features and to one ensemble, as valence rests on the ensemble's tags. `needledrop features calibrate` makes the file.
"""

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from schemas.errors import InvalidSettingError
from schemas.events import AudioFeatures
from shared.features.values import FEATURE_VERSION

CalibratedFeature = Literal["danceability", "energy", "valence"]
CALIBRATED: Final[tuple[CalibratedFeature, ...]] = ("danceability", "energy", "valence")

_DIGITS = 4  # as in events

_Share = Annotated[float, Field(ge=0.0, le=1.0)]


class MonotoneMap(BaseModel):
    """A rising curve through knots, straight between them and level beyond the first and the last."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    knots: Annotated[tuple[tuple[_Share, _Share], ...], Field(min_length=1)]
    """Pairs of our value and theirs, in [0, 1]."""

    @model_validator(mode="after")
    def _rises(self) -> Self:
        for (x, y), (next_x, next_y) in pairwise(self.knots):
            if next_x <= x or next_y < y:
                raise ValueError(f"the knots ({x}, {y}) and ({next_x}, {next_y}) do not rise")
        return self

    def __call__(self, value: float) -> float:
        """Return the mapped value of one in [0, 1]."""
        ours, theirs = zip(*self.knots, strict=True)
        return float(np.interp(value, ours, theirs))


class Calibration(BaseModel):
    """Maps by feature, and what they are for. Fields that we do not know are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Literal[1] = 1
    features_version: str
    """Of the values that the maps are for."""
    ensemble: str
    """Version of the ensemble whose tags were heard."""
    ensemble_digest: str
    maps: dict[CalibratedFeature, MonotoneMap]
    """Features without a map stay as they are."""
    evidence: dict[str, JsonValue] = {}
    """Of how many pairs the maps are, and what they are worth; for people."""

    @property
    def version(self) -> str:
        """The version of calibrated features, as events and cache keys have it: names all that changes a value."""
        what = self.model_dump(mode="json", include={"features_version", "maps"})
        digest = hashlib.sha256(json.dumps(what, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
        return f"{self.features_version}+calibration-{digest[:8]}"

    def __call__(self, features: AudioFeatures) -> AudioFeatures:
        """Return the features with those mapped that have a map and a value; confidences stay."""
        values = {name: getattr(features, name) for name in self.maps}
        return features.model_copy(
            update={name: round(self.maps[name](value), _DIGITS) for name, value in values.items() if value is not None}
        )


def result_version(calibration: Calibration | None) -> str:
    """Return the version of the features in results: what this code computes, and how that is calibrated."""
    return FEATURE_VERSION if calibration is None else calibration.version


def load_calibration(path: Path | None, ensemble_digest: str) -> Calibration | None:
    """Read a calibration for this code and an ensemble; None when there is no path.

    Raises: InvalidSettingError when the file cannot be read, or is for other features or for another ensemble.
    """
    if path is None:
        return None
    try:
        calibration = Calibration.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InvalidSettingError(f"cannot read the calibration {path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise InvalidSettingError(f"{path} is no calibration: {field + ': ' if field else ''}{first['msg']}") from error
    if calibration.features_version != FEATURE_VERSION:
        raise InvalidSettingError(
            f"{path} is for version {calibration.features_version} of the features, this is {FEATURE_VERSION}; "
            "`needledrop features calibrate` makes a new one"
        )
    if calibration.ensemble_digest != ensemble_digest:
        raise InvalidSettingError(
            f"{path} is for the ensemble {calibration.ensemble} with digest {calibration.ensemble_digest[:8]}, not "
            f"for {ensemble_digest[:8]}: valence depends on its tags; `needledrop features calibrate` makes a new one"
        )
    return calibration


def save_calibration(calibration: Calibration, path: Path) -> None:
    """Write the file. Raises: InvalidSettingError when it cannot be written."""
    text = json.dumps({"version": calibration.version, **calibration.model_dump(mode="json")}, indent=2) + "\n"
    try:
        path.write_text(text)
    except OSError as error:
        raise InvalidSettingError(f"cannot write {path}: {error.strerror}") from error
