"""Where an event comes from: which submission, its position among all submissions, and its record's coordinates.

They travel in headers, so that tombstones have them too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from schemas.errors import InvalidEventError
from schemas.event_model import EventModel

SUBMISSION_HEADER = "needledrop_submission"
POSITION_HEADER = "needledrop_position"
COORDINATES_HEADER = "needledrop_coordinates"

Headers = Sequence[tuple[str, bytes]]


class Coordinates(EventModel):
    """A record's place in Kafka."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Orders the submissions of one track: the timestamp of the record, then its offset.

    Its text form sorts as the position does, so that a Lua script can compare it (Lua's doubles cannot hold an
    int64 exactly). It still orders after a new cluster or more partitions, where offsets alone would not.
    """

    timestamp_ms: int
    offset: int

    def __str__(self) -> str:
        return f"{self.timestamp_ms:016d}-{self.offset:019d}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form; raises InvalidEventError."""
        timestamp, dash, offset = text.partition("-")
        if not (dash and timestamp.isdecimal() and offset.isdecimal()):
            raise InvalidEventError(f"{POSITION_HEADER}: {text[:64]!r} is not <timestamp in ms>-<offset>")
        return cls(int(timestamp), int(offset))


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
        found = {name: value for name, value in headers if name.startswith("needledrop_")}
        for name in (SUBMISSION_HEADER, POSITION_HEADER, COORDINATES_HEADER):
            if name not in found:
                raise InvalidEventError(f"header {name} is missing")
        try:
            submission_id = found[SUBMISSION_HEADER].decode()
            position = Position.parse(found[POSITION_HEADER].decode())
            topic, partition, offset = found[COORDINATES_HEADER].decode().rsplit(":", 2)
            coordinates = Coordinates(topic=topic, partition=int(partition), offset=int(offset))
        except ValueError:
            raise InvalidEventError(f"the headers {SUBMISSION_HEADER}, {COORDINATES_HEADER} are malformed") from None
        return cls(submission_id, position, coordinates)
