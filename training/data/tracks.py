"""What a data set is: tracks with tags, and faults, each with a name; none of them ends the reading."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Split(StrEnum):
    """What a track is used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class FaultKind(StrEnum):
    """What can be wrong with a data set."""

    MISSING_AUDIO = "missing audio"
    UNDECODABLE = "undecodable audio"
    DUPLICATE_ID = "duplicate id"
    NO_TAGS = "no tags"
    NO_ARTIST = "no artist"
    BLANK_CELL = "blank cell"
    COMMA_FILE = "commas where tabs belong"
    ODD_VALUE = "odd value"
    UNREADABLE_ROW = "unreadable row"
    MISSING_TABLE = "missing table"
    SHARED_ARTIST = "artist in several splits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong: where (a file and a line, or a track), and what."""

    kind: FaultKind
    where: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One track with what is true of it."""

    track_id: str
    audio: Path
    tags: tuple[str, ...]  # without repetition, in the order of the data set
    artist: str | None = None  # or whatever else must not be in two splits
    split: Split | None = None  # None where the data set gives none


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A data set as it was found.

    Attributes:
        form: the name of its format, for people.
        root: the folder that audio is relative to.
        tracks: those with an id and a place of their audio, once each; some may have no tags.
        faults: everything that was noticed.
    """

    form: str
    root: Path
    tracks: tuple[Track, ...]
    faults: tuple[Fault, ...] = field(default=(), repr=False)

    @property
    def has_splits(self) -> bool:
        """Whether the data set says itself what each track is for."""
        return bool(self.tracks) and all(track.split is not None for track in self.tracks)


def tag_counts(tracks: Iterable[Track]) -> Mapping[str, int]:
    """How many tracks have each tag, the most frequent first; equally frequent ones by name."""
    counts: dict[str, int] = {}
    for track in tracks:
        for tag in track.tags:
            counts[tag] = counts.get(tag, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def distinct_tags(cells: Iterable[str]) -> tuple[str, ...]:
    """Tags without blanks and repetitions, in their order."""
    return tuple(dict.fromkeys(tag for cell in cells if (tag := cell.strip())))
