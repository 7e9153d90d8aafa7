"""Records of the submissions topic: the event in one, and what to note of it. Pure."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Final

from schemas.errors import InvalidEventError
from schemas.events import TrackSubmitted
from shared.kafka.records import Record
from shared.redis.newest import Note, Stretch

# A track id has at most 256 characters; a longer key is nobody's.
_KEY_BYTES: Final = 4 * 256


def submitted(record: Record) -> TrackSubmitted:
    """The event in a record. Raises: InvalidEventError."""
    event = TrackSubmitted.from_json(record.value or b"")
    if record.key is None or record.key != event.track_id.encode():
        raise InvalidEventError(
            "the record's key must be its track_id (it is what keeps a track's events in order), "
            f"and is {'missing' if record.key is None else repr(record.key_text[:64])}"
        )
    return event


def note_of(record: Record) -> Note | None:
    """What makes earlier submissions of a track the newest no longer: a new one, or the track's deletion.

    Conditional ones are about the newest and leave it as it is; what is no event says nothing about any track.
    """
    if record.value is None:
        return Note(record.key_text, record.position, "") if record.key and len(record.key) <= _KEY_BYTES else None
    try:
        event = submitted(record)
    except InvalidEventError:
        return None
    return None if event.conditional else Note(event.track_id, record.position, event.submission_id)


def stretches(records: Iterable[Record]) -> Iterator[Stretch]:
    """The notes of records that follow each other in their partitions, a stretch for each partition."""
    for partition, ours in groupby(sorted(records, key=attrgetter("partition", "offset")), attrgetter("partition")):
        stretch = list(ours)
        notes = tuple(note for record in stretch if (note := note_of(record)))
        yield Stretch(partition, stretch[0].offset, stretch[-1].offset + 1, notes)
