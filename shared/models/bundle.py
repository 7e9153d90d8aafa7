"""Reads TensorFlow's tensor bundles (the files of a checkpoint) without TensorFlow.

An index, which is a LevelDB table of small protobuf records, says where in the data file each tensor lies. This reads
what published checkpoints have: one data file, little-endian float32, index blocks that are not compressed. Checksums
are not looked at: `published_weights` compares the whole file's sha256.

Source: tensorflow/core/util/tensor_bundle, tensorflow/core/protobuf/tensor_bundle.proto, LevelDB's doc/table_format.md.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InvalidSettingError

Weights: TypeAlias = dict[str, NDArray[np.float32]]

_MAGIC = 0xDB4775248B80FB57  # the last eight bytes of every LevelDB table
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5  # after each block: its compression (0 is none) and its checksum
_DT_FLOAT = 1  # tensorflow/core/framework/types.proto
_SCALAR_FIELDS = {1: "dtype", 3: "shard", 4: "offset", 5: "n_bytes"}
_SHAPE_FIELD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """Where a tensor lies in the data file (BundleEntryProto; fields that are absent are 0)."""

    shape: tuple[int, ...] = ()
    dtype: int = 0
    shard: int = 0
    offset: int = 0
    n_bytes: int = 0


def read_bundle(folder: Path, prefix: str = "") -> Weights:
    """All tensors of one bundle, by name, in the shapes that TensorFlow gave them.

    Args:
        folder: where ``<prefix>.index`` and ``<prefix>.data-00000-of-00001`` lie.
        prefix: the checkpoint's name; the published models have an empty one.
    Raises: InvalidSettingError when a file is missing, is damaged or holds something else than float32.
    """
    index_path, data_path = folder / f"{prefix}.index", folder / f"{prefix}.data-00000-of-00001"
    try:
        index, data = index_path.read_bytes(), data_path.read_bytes()
    except OSError as error:
        raise InvalidSettingError(f"cannot read the weights {error.filename}: {error.strerror}") from error
    try:
        entries = {name: _entry(value) for name, value in _table(index) if name}  # the empty name is the header
    except (IndexError, struct.error, UnicodeDecodeError, ValueError) as error:
        raise InvalidSettingError(f"{index_path} is not an index of tensors: {error}") from error
    return {name: _tensor(name, entry, data, data_path) for name, entry in entries.items()}


def _tensor(name: str, entry: _Entry, data: bytes, path: Path) -> NDArray[np.float32]:
    n_values = math.prod(entry.shape)
    if (entry.dtype, entry.shard) != (_DT_FLOAT, 0) or entry.n_bytes != 4 * n_values:
        raise InvalidSettingError(f"{path}: {name} is not one float32 tensor of shape {entry.shape}: {entry}")
    if entry.offset + entry.n_bytes > len(data):
        raise InvalidSettingError(
            f"{path} is cut short: {name} ends at byte {entry.offset + entry.n_bytes} of {len(data)}"
        )
    return np.frombuffer(data, "<f4", n_values, entry.offset).reshape(entry.shape)


def _table(table: bytes) -> Iterator[tuple[str, bytes]]:
    """Keys and values of a LevelDB table: the footer points to an index block, which points to the data blocks."""
    footer = table[-_FOOTER_BYTES:]
    if len(footer) < _FOOTER_BYTES or struct.unpack("<Q", footer[-8:])[0] != _MAGIC:
        raise ValueError("it does not end like a LevelDB table")
    _, at = _block_handle(footer, 0)  # the meta index: filters, of which there are none
    index_handle, _ = _block_handle(footer, at)
    for _, pointer in _block(table, index_handle):
        handle, _ = _block_handle(pointer, 0)
        for key, value in _block(table, handle):
            yield key.decode(), value


def _block(table: bytes, handle: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    """Entries of a block; a key repeats only what differs from the key before it."""
    offset, n_bytes = handle
    block = table[offset : offset + n_bytes]
    if offset + n_bytes + _TRAILER_BYTES > len(table) or table[offset + n_bytes] != 0:
        raise ValueError("a block is cut short or compressed")
    (n_restarts,) = struct.unpack("<I", block[-4:])
    at, end, key = 0, n_bytes - 4 - 4 * n_restarts, b""
    while at < end:
        n_shared, at = _varint(block, at)
        n_new, at = _varint(block, at)
        n_value, at = _varint(block, at)
        key = key[:n_shared] + block[at : at + n_new]
        yield key, block[at + n_new : at + n_new + n_value]
        at += n_new + n_value


def _entry(message: bytes) -> _Entry:
    shape: tuple[int, ...] = ()
    scalars: dict[str, int] = {}
    for number, value in _fields(message):
        if number == _SHAPE_FIELD and isinstance(value, bytes):
            # TensorShapeProto: repeated dim (field 2), each a message with its size in field 1.
            dims = [dict(_fields(dim)) for _, dim in _fields(value) if isinstance(dim, bytes)]
            shape = tuple(int(dim[1]) for dim in dims)
        elif number in _SCALAR_FIELDS and isinstance(value, int):
            scalars[_SCALAR_FIELDS[number]] = value
    return _Entry(shape=shape, **scalars)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers and values of a protobuf message's fields; those of 4 or 8 bytes (checksums) are passed over."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            value, at = _varint(message, at)
            yield number, value
        elif wire_type == 2:
            n_bytes, at = _varint(message, at)
            yield number, message[at : at + n_bytes]
            at += n_bytes
        elif wire_type in (1, 5):
            at += 8 if wire_type == 1 else 4
        else:
            raise ValueError(f"a field has the unknown wire type {wire_type}")


def _block_handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    offset, at = _varint(data, at)
    n_bytes, at = _varint(data, at)
    return (offset, n_bytes), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at ``at``, seven bits a byte, lowest first; and where it ends."""
    number = shift = 0
    while True:
        byte = data[at]
        at, number, shift = at + 1, number | (byte & 0x7F) << shift, shift + 7
        if byte < 0x80:
            return number, at
