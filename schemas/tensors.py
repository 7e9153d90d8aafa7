"""The value of a TrackFeatures record: one safetensors file whose metadata holds the event's JSON.

Source: the safetensors format, 8 bytes little-endian header length, JSON header, tensors. Never pickle.
"""

import struct
from collections.abc import Mapping
from typing import Annotated, Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from schemas.errors import InvalidFeaturesError
from schemas.events import TrackFeatures

Tensor = npt.NDArray[np.floating[Any]]

# A header is the event's JSON and a few tensor entries: some kB. More is not ours.
_MAX_HEADER_BYTES: Final = 1_048_576


def encode_features(event: TrackFeatures, tensors: Mapping[str, Tensor]) -> bytes:
    """One value: ``event`` and its ``tensors`` by front end, each (n_frames, n_bands)."""
    metadata = _Metadata(event=event.to_json().decode())
    # safetensors writes memory as it lies, whatever the strides say.
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    return save(contiguous, metadata=metadata.model_dump())


def decode_features(value: bytes) -> tuple[TrackFeatures, dict[str, Tensor]]:
    """Read it back.

    Raises: InvalidFeaturesError when it is not such a value; InvalidEventError when its event is not valid.
    """
    event = TrackFeatures.from_json(_event(value))
    try:
        tensors = load(value)
    except (SafetensorError, ValueError, KeyError) as error:
        raise InvalidFeaturesError(f"not a safetensors value: {error}") from None
    for name, tensor in tensors.items():
        if not (np.issubdtype(tensor.dtype, np.floating) and np.isfinite(tensor).all()):
            raise InvalidFeaturesError(f"tensor {name!r} is not of finite floating-point numbers")
    for name, segmentation in (event.segmentations or {}).items():
        frames = sum(segmentation.n_frames)
        if name not in tensors or tensors[name].ndim != 2 or len(tensors[name]) != frames:
            raise InvalidFeaturesError(
                f"tensor {name!r} is missing or does not have the {frames} rows its segments need"
            )
    return event, tensors


class _Metadata(BaseModel):
    event: str


class _Header(BaseModel):
    metadata: Annotated[_Metadata, Field(alias="__metadata__")]


def _event(value: bytes) -> str:
    """The JSON of the event. Reads the header by itself, for safetensors hands no metadata out of bytes."""
    if len(value) < 8:
        raise InvalidFeaturesError(f"{len(value)} bytes are too few for a safetensors value")
    (length,) = struct.unpack_from("<Q", value)
    if length > min(_MAX_HEADER_BYTES, len(value) - 8):
        raise InvalidFeaturesError(f"its header claims {length} bytes")
    try:
        return _Header.model_validate_json(value[8 : 8 + length]).metadata.event
    except ValidationError:
        raise InvalidFeaturesError("its header holds no event") from None
