"""What a record counts as. Names come from closed sets, whatever an event says: they become keys and metric labels."""

from functools import cache
from typing import Final

from schemas.errors import FailureReason
from schemas.events import TrackFailed, TrackLabeled
from schemas.taxonomy import default_taxonomy
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from workers.trends.windows import Name

GENRE: Final = "genre"
MOOD: Final = "mood"
UNSURE: Final = "unsure"
FAILURE: Final = "failure"

OTHER: Final = "other"
"""A genre, mood or reason that this release does not know, and the genre of a label without genres."""


@cache
def genres() -> tuple[str, ...]:
    """The names of genres that are counted, `other` last."""
    return (*default_taxonomy().genre_names, OTHER)


@cache
def moods() -> tuple[str, ...]:
    """The names of moods that are counted, `other` last."""
    vocabularies = default_taxonomy().vocabularies.values()
    known = {tag.shown_as for vocabulary in vocabularies for tag in vocabulary.known.values() if tag.kind == "mood"}
    return (*sorted(known), OTHER)


def reasons() -> tuple[str, ...]:
    """The reasons that are counted, `other` last."""
    return (*(reason.value for reason in FailureReason), OTHER)


def names_in(topic: str, value: bytes) -> tuple[Name, ...]:
    """The names that a record of ``topic`` is counted under.

    Raises: InvalidEventError, when the value is no event of that topic.
    """
    if topic == TRACKS_LABELED.name:
        return names_of_label(TrackLabeled.from_json(value))
    if topic == TRACKS_FAILED.name:
        return ((FAILURE, _known(TrackFailed.from_json(value).reason, reasons())),)
    raise ValueError(f"{topic} is not counted")


def names_of_label(label: TrackLabeled) -> tuple[Name, ...]:
    """Its best genre, always exactly one; its most likely mood, if it has any; and whether it is unsure."""
    best = label.genres[0].genre if label.genres else OTHER
    names = [(GENRE, _known(best, genres()))]
    if label.tags.mood:
        names.append((MOOD, _known(label.tags.mood[0].tag, moods())))
    if label.unsure:
        names.append((UNSURE, "yes"))
    return tuple(names)


def _known(name: str, names: tuple[str, ...]) -> str:
    return name if name in names else OTHER
