"""Where an event comes from: which submission, its position among all submissions, and its record's coordinates.

They travel in headers, so that tombstones have them too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Self

from pydantic import Field

from schemas.errors import InvalidEventError
from schemas.event_model import EventModel

SUBMISSION_HEADER = "needledrop_submission"
POSITION_HEADER = "needledrop_position"
COORDINATES_HEADER = "needledrop_coordinates"

Headers = Sequence[tuple[str, bytes]]

# An int64 has at most 19 digits. The names of topics are Kafka's: letters, digits, dot, underscore, dash.
_POSITION: Final = re.compile("([0-9]{1,19})-([0-9]{1,19})")
_COORDINATES: Final = re.compile("([A-Za-z0-9._-]{1,249}):([0-9]{1,10}):([0-9]{1,19})")


class Coordinates(EventModel):
    """A record's place in Kafka."""

    topic: str
    """Its topic."""
    partition: Annotated[int, Field(ge=0)]
    """Its partition."""
    offset: Annotated[int, Field(ge=0)]
    """Its offset in the partition."""

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form; raises InvalidEventError."""
        match = _COORDINATES.fullmatch(text)
        if match is None:
            raise InvalidEventError(f"{COORDINATES_HEADER}: {text[:64]!r} is not <topic>:<partition>:<offset>")
        return cls(topic=match[1], partition=int(match[2]), offset=int(match[3]))


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Orders the submissions of one track: the timestamp of the record, then its offset.

    Both are int64 and not negative. The text form has room for all their digits and sorts as the position does, so
    that a Lua script can compare it (Lua's doubles cannot hold an int64 exactly). Positions still order after a new
    cluster or more partitions, where offsets alone would not.
    """

    timestamp_ms: int
    offset: int

    def __str__(self) -> str:
        return f"{self.timestamp_ms:019d}-{self.offset:019d}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form; raises InvalidEventError."""
        match = _POSITION.fullmatch(text)
        if match is None:
            raise InvalidEventError(f"{POSITION_HEADER}: {text[:64]!r} is not <timestamp in ms>-<offset>")
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True)
class Origin:
    """The submission that an event descends from."""

    submission_id: str
    position: Position
    coordinates: Coordinates

    def headers(self) -> list[tuple[str, bytes]]:
        """The three headers that every later event of this submission carries."""
        return [
            (SUBMISSION_HEADER, self.submission_id.encode()),
            (POSITION_HEADER, str(self.position).encode()),
            (COORDINATES_HEADER, str(self.coordinates).encode()),
        ]

    @classmethod
    def from_headers(cls, headers: Headers) -> Self:
        """Read them back; raises InvalidEventError, naming the header."""
        found = dict(headers)
        return cls(
            _text(found, SUBMISSION_HEADER),
            Position.parse(_text(found, POSITION_HEADER)),
            Coordinates.parse(_text(found, COORDINATES_HEADER)),
        )


def _text(headers: dict[str, bytes], name: str) -> str:
    try:
        return headers[name].decode()
    except KeyError:
        raise InvalidEventError(f"header {name} is missing") from None
    except UnicodeDecodeError:
        raise InvalidEventError(f"header {name} is not UTF-8") from None
