import json
import struct
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from schemas.errors import InvalidEventError, InvalidFeaturesError, PermanentError
from schemas.events import Segmentation, Submission, Timings, TrackFeatures
from schemas.origin import Coordinates
from schemas.tensors import decode_features, encode_features

MEL: NDArray[np.float16] = np.arange(12, dtype=np.float16).reshape(4, 3)
EVENT = TrackFeatures(
    track_id="Größe \U0001f3b5",
    submission=Submission(
        submission_id="s",
        submitted_at=datetime(2026, 1, 2, tzinfo=UTC),
        uri='file:///a "quoted" name.ogg',
        coordinates=Coordinates(topic="t", partition=0, offset=1),
    ),
    policy="full",
    segmentations={"mel": Segmentation(start_frames=(0, 7), n_frames=(3, 1), track_frames=9)},
    timings=Timings(),
)
VALUE = encode_features(EVENT, {"mel": MEL})


def safetensors(header: object, data: bytes, length: int | None = None) -> bytes:
    """A value as an attacker may write it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def with_tensor(**entry: Any) -> dict[str, Any]:
    tensor = {"dtype": "F16", "shape": [4, 3], "data_offsets": [0, 24]}
    return {"__metadata__": {"event": EVENT.to_json().decode()}, "mel": tensor | entry}


def test_features_are_themselves_after_a_trip_through_bytes() -> None:
    event, tensors = decode_features(VALUE)

    assert event == EVENT
    assert tensors.keys() == {"mel"}
    assert tensors["mel"].dtype == np.float16
    np.testing.assert_array_equal(tensors["mel"], MEL)


def test_a_tensor_in_any_memory_order_arrives_as_it_was() -> None:
    upside_down = np.asfortranarray(MEL)[::-1]

    _, tensors = decode_features(encode_features(EVENT, {"mel": upside_down}))

    np.testing.assert_array_equal(tensors["mel"], upside_down)


def test_an_earlier_result_travels_without_tensors() -> None:
    event = EVENT.model_copy(update={"segmentations": None})

    assert decode_features(encode_features(event, {})) == (event, {})


def test_the_value_is_what_the_safetensors_format_says() -> None:
    (length,) = struct.unpack_from("<Q", VALUE)
    header = json.loads(VALUE[8 : 8 + length])

    assert header["mel"] == {"dtype": "F16", "shape": [4, 3], "data_offsets": [0, 24]}
    assert json.loads(header["__metadata__"]["event"])["track_id"] == EVENT.track_id
    assert VALUE[8 + length :] == MEL.tobytes()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x00" * 7,
        b"\x00" * 8,
        b"\xff" * 100,
        safetensors(b"[" * 50_000, b""),
        safetensors(b"{}", b""),
        safetensors({"__metadata__": None}, b""),
        safetensors({"__metadata__": {"event": 1}}, b""),
        safetensors({"__metadata__": {"event": "\udcff"}}, b""),
        safetensors(with_tensor(), b"\x00" * 24, length=2**63),
        safetensors(with_tensor(), b"\x00" * 24, length=10**6),
        safetensors(with_tensor(), b"\x00" * 24, length=20),
        safetensors(with_tensor(), b"\x00" * 23),
        safetensors(with_tensor(), b"\x00" * 25),
        safetensors(with_tensor(shape=[-4, -3]), b"\x00" * 24),
        safetensors(with_tensor(shape=[2**62, 3]), b"\x00" * 24),
        safetensors(with_tensor(shape=[12]), b"\x00" * 24),
        safetensors(with_tensor(shape=[3, 4]), b"\x00" * 24),
        safetensors(with_tensor(shape=[4, 3, 1]), b"\x00" * 24),
        safetensors(with_tensor(data_offsets=[24, 0]), b"\x00" * 24),
        safetensors(with_tensor(data_offsets=[0, 2**63]), b"\x00" * 24),
        safetensors(with_tensor() | {"too": with_tensor()["mel"]}, b"\x00" * 24),
        safetensors(with_tensor(dtype="BF16"), b"\x00" * 24),
        safetensors(with_tensor(dtype="I16"), b"\x00" * 24),
        safetensors(with_tensor(dtype="F8_E4M3", data_offsets=[0, 12]), b"\x00" * 12),
        safetensors(with_tensor(dtype="BOOL", data_offsets=[0, 12]), b"\x00" * 12),
        safetensors(with_tensor(dtype="C64", data_offsets=[0, 96]), b"\x00" * 96),
        safetensors(with_tensor(dtype="NONE"), b"\x00" * 24),
        safetensors(with_tensor() | {"mel": 5}, b"\x00" * 24),
        safetensors({"__metadata__": with_tensor()["__metadata__"]}, b""),
        encode_features(EVENT, {"mel": np.where(MEL == 5, np.inf, MEL)}),
        encode_features(EVENT, {"mel": np.where(MEL == 5, np.nan, MEL)}),
        encode_features(EVENT, {"other": MEL}),
    ],
)
def test_hostile_bytes_are_invalid_features_and_nothing_else(value: bytes) -> None:
    with pytest.raises(InvalidFeaturesError):
        decode_features(value)


def test_a_header_larger_than_ours_ever_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidFeaturesError, match="claims 1048577 bytes"):
        decode_features(safetensors(b" " * 1_048_577, b""))


def test_an_event_that_is_none_is_named_as_such() -> None:
    with pytest.raises(InvalidEventError, match="not a TrackFeatures: track_id: "):
        decode_features(safetensors({"__metadata__": {"event": "{}"}}, b""))


@given(at=st.integers(0, len(VALUE) - 1), byte=st.integers(0, 255))
def test_one_wrong_byte_is_survived(at: int, byte: int) -> None:
    changed = VALUE[:at] + bytes([byte]) + VALUE[at + 1 :]

    try:
        _, tensors = decode_features(changed)
    except PermanentError:
        return
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())
