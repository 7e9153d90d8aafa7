"""Ids that clients of Spotify accept: base62.

A track's is Spotify's own where its submission has one, else the track id where that is base62, else a digest of it.
Artists and albums have digests of their names.
"""

import re
from hashlib import blake2b
from typing import Final

from workers.catalog.rows import Row

_BASE62: Final = re.compile("[0-9A-Za-z]{1,64}")
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# As long as Spotify's: 22 digits hold 128 bits.
_N_DIGITS: Final = 22


def track_id_of(row: Row) -> str:
    """A track's public id."""
    for own in (row.spotify_id, row.track_id):
        if _BASE62.fullmatch(own):
            return own
    return digest("track", row.track_id)


def artist_id_of(artist: str) -> str:
    """An artist's public id, of the name without regard to case."""
    return digest("artist", artist.casefold())


def album_id_of(row: Row) -> str:
    """An album's public id, of its name and artist."""
    return digest("album", f"{row.artist.casefold()}\n{row.album.casefold()}")


def digest(kind: str, text: str) -> str:
    """22 base62 digits of 128 bits of BLAKE2b."""
    number = int.from_bytes(blake2b(f"{kind}\n{text}".encode(), digest_size=16).digest())
    digits = []
    for _ in range(_N_DIGITS):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


class Places:
    """Slots by public id. Several tracks may share one: the same recording submitted twice."""

    def __init__(self) -> None:
        # Sets, since an artist may be "Various" and have thousands.
        self._slots: dict[str, set[int]] = {}

    def add(self, public_id: str, slot: int) -> None:
        """A track of this id, or of this artist, is in ``slot``."""
        self._slots.setdefault(public_id, set()).add(slot)

    def remove(self, public_id: str, slot: int) -> None:
        """It no longer is."""
        left = self._slots.get(public_id, set())
        left.discard(slot)
        if not left:
            self._slots.pop(public_id, None)

    def of(self, public_id: str) -> tuple[int, ...]:
        """Where they are, in the order of slots; none when there are none."""
        return tuple(sorted(self._slots.get(public_id, ())))
