"""Numbers of labels on scales on which a difference of 1 is far apart, so that distances can be added."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

SCALES: Final[Mapping[str, float]] = {
    "danceability": 0.5,
    "energy": 0.5,
    "speechiness": 0.5,
    "acousticness": 1.0,
    "instrumentalness": 1.0,
    "liveness": 1.0,
    "valence": 0.5,
    "loudness": 20.0,
    "tempo": 0.5,
    "year": 30.0,
}
"""The difference that counts as far apart: in the feature's unit, in octaves for tempo."""


def scaled(name: str, numbers: NDArray[np.floating]) -> NDArray[np.float32]:
    """Numbers of this name on their scale; NaN stays."""
    if name == "tempo":
        numbers = np.log2(np.maximum(numbers, 1.0))
    return (numbers / SCALES.get(name, 1.0)).astype(np.float32)


def distances(name: str, on_scale: NDArray[np.float32], value: float) -> NDArray[np.float32]:
    """Distances of scaled numbers from ``value``, which is not scaled: 0 to 1, NaN for unknown ones."""
    apart = on_scale - scaled(name, np.array(value))
    if name == "tempo":  # half and double tempo are the same
        octave = np.float32(1 / SCALES["tempo"])
        apart -= octave * np.round(apart / octave)
    np.abs(apart, out=apart)
    np.minimum(apart, np.float32(1), out=apart)
    return apart
