"""The catalogue as a map: where each track lies by energy and valence, and its genre, in as few bytes as do.

A map begins with the length of its header (uint32) and the header, JSON in UTF-8, padded with spaces to an even length:
``{"n": 2, "genres": ["jazz", "rock"]}``. Then come ``n`` energies and ``n`` valences (uint16, 65535 is 1) and ``n``
genres (uint8, an index into ``genres``, 255 for none). All is little-endian.
"""

import json
import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workers.catalog.areas import ACROSS, UP
from workers.catalog.columns import Columns, Mask

_ONE: Final = 65535
_NO_GENRE: Final = 255


def map_of(columns: Columns, mask: Mask) -> bytes:
    """The map of the tracks of ``mask`` whose energy and valence are known."""
    slots = np.flatnonzero(mask & ~np.isnan(columns.number(ACROSS)) & ~np.isnan(columns.number(UP)))
    words, genres = np.unique(columns.best_genres[slots], return_inverse=True)
    names = [columns.vocabulary.words[word].partition(":")[2] for word in words if word >= 0]
    if words.size and words[0] < 0:  # tracks without a genre come first
        genres = genres - 1
    genres[(genres < 0) | (genres > _NO_GENRE)] = _NO_GENRE
    header = json.dumps({"n": int(slots.size), "genres": names[:_NO_GENRE]}, ensure_ascii=False).encode()
    header += b" " * (len(header) % 2)
    places = [_placed(columns.number(name)[slots]) for name in (ACROSS, UP)]
    return b"".join(
        [struct.pack("<I", len(header)), header, *(place.tobytes() for place in places), genres.astype("u1").tobytes()]
    )


def _placed(numbers: NDArray[np.float64]) -> NDArray[np.uint16]:
    return np.round(np.clip(numbers, 0, 1) * _ONE).astype("<u2")
