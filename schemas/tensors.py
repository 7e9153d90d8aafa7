"""The value of a TrackFeatures record: one safetensors file whose metadata holds the event's JSON.

Source: the safetensors format, 8 bytes little-endian header length, JSON header, tensors. Never pickle.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from schemas.errors import InvalidFeaturesError
from schemas.events import TrackFeatures

Tensor = npt.NDArray[np.floating[Any]]

_METADATA_KEY: Final = "event"
# A header is the event's JSON and a few tensor entries: some kB. More is not ours.
_MAX_HEADER_BYTES: Final = 1_048_576


def encode_features(event: TrackFeatures, tensors: Mapping[str, Tensor]) -> bytes:
    """One value: ``event`` and its ``tensors`` by front end, each (n_frames, n_bands)."""
    return save(dict(tensors), metadata={_METADATA_KEY: event.to_json().decode()})


def decode_features(value: bytes) -> tuple[TrackFeatures, dict[str, Tensor]]:
    """Read it back.

    Raises: InvalidFeaturesError when it is not such a value; InvalidEventError when its event is not valid.
    """
    event = TrackFeatures.from_json(_metadata(value))
    try:
        tensors = load(value)
    except (SafetensorError, ValueError, KeyError) as error:
        raise InvalidFeaturesError(f"not a safetensors value: {error}") from None
    for name, segmentation in (event.segmentations or {}).items():
        frames = sum(segmentation.n_frames)
        if name not in tensors or tensors[name].ndim != 2 or len(tensors[name]) != frames:
            raise InvalidFeaturesError(
                f"tensor {name!r} is missing or does not have the {frames} rows its segments need"
            )
    return event, tensors


def _metadata(value: bytes) -> str:
    if len(value) < 8:
        raise InvalidFeaturesError(f"{len(value)} bytes are too few for a safetensors value")
    (length,) = struct.unpack_from("<Q", value)
    if length > min(_MAX_HEADER_BYTES, len(value) - 8):
        raise InvalidFeaturesError(f"its header claims {length} bytes")
    try:
        event = json.loads(value[8 : 8 + length])["__metadata__"][_METADATA_KEY]
    except (ValueError, KeyError, TypeError):
        raise InvalidFeaturesError("its header holds no event") from None
    if not isinstance(event, str):
        raise InvalidFeaturesError("its header holds no event")
    return event
