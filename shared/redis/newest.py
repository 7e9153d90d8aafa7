"""The newest unconditional submission of each track, and how far into each partition these notes are complete.

See docs/adr/0010-conditional-submissions.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas.origin import Position
from schemas.topics import TRACKS_LABELED
from shared.redis.connection import Redis, connect, unavailable_when_away
from shared.settings.redis import RedisSettings

_PREFIX: Final = "needledrop:newest:"
_COMPLETE_PREFIX: Final = "needledrop:newest-complete:"
_POSITION_CHARACTERS: Final = len(str(Position(0, 0)))
# As long as views remember a deletion. Afterwards nothing is known of the track, which refuses a replay just as well.
_DELETED_FOR_S: Final = int(TRACKS_LABELED.config["delete.retention.ms"]) // 1000

# KEYS: the note. ARGV: position, submission id (empty: the track was deleted), seconds that a deletion is remembered.
# Positions are compared as text of fixed width, as views' are.
_NOTE_IF_NEWER: Final = """
local known = redis.call('GET', KEYS[1])
if known and string.sub(known, 1, #ARGV[1]) > ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2])
if ARGV[2] == '' then redis.call('EXPIRE', KEYS[1], ARGV[3]) end
return 1
"""
# KEYS: how far a partition is complete. ARGV: first offset of the stretch that was noted just now, first one behind
# it; as text of fixed width. Nothing when the stretch joins on to what was complete, else that.
# A stretch that begins earlier brings the mark back: it may be another topic of the same name, and less is always true.
_JOIN_ON: Final = """
local complete = redis.call('GET', KEYS[1]) or string.rep('0', #ARGV[1])
if complete < ARGV[1] then return complete end
redis.call('SET', KEYS[1], ARGV[2])
return false
"""


@dataclass(frozen=True, slots=True)
class Note:
    """An unconditional submission of a track, or its deletion (no ``submission_id``)."""

    track_id: str
    position: Position
    submission_id: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """All notes of a partition's records from ``start`` to before ``end``, in order."""

    partition: int
    start: int
    end: int
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """What is noted about a track, and how far into its partition that is complete."""

    complete_to: int
    """The first offset that may not have been noted."""
    newest: Note | None
    """None: the track is unknown, or its deletion is long ago."""


class NewestSubmissions:
    """The notes in Redis; those of tracks that exist never expire."""

    def __init__(self, settings: RedisSettings, topic: str) -> None:
        """``topic`` is the one that positions and offsets are of."""
        self._redis: Redis = connect(settings)
        self._topic = topic
        self._note_if_newer = self._redis.register_script(_NOTE_IF_NEWER)
        self._join_on = self._redis.register_script(_JOIN_ON)

    def write(self, stretches: Sequence[Stretch]) -> list[Stretch]:
        """Note all that is newer than what is known, in one round trip.

        Returns: the stretches that do not join on to what was complete: what lies between has to be noted, and the
            stretch once more behind it, before the notes are complete again.

        Raises: CacheUnavailableError; then any of it may be written or not, and all may be written again.
        """
        with unavailable_when_away(), self._redis.pipeline(transaction=False) as pipeline:
            for stretch in stretches:
                for note in stretch.notes:
                    arguments: list[str | int] = [str(note.position), note.submission_id, _DELETED_FOR_S]
                    self._note_if_newer(keys=[_PREFIX + note.track_id], args=arguments, client=pipeline)
            # Behind all notes: Redis does them in order, so that a mark which is there says that they are.
            for stretch in stretches:
                bounds = [_fixed_width(stretch.start), _fixed_width(stretch.end)]
                self._join_on(keys=[self._mark(stretch.partition)], args=bounds, client=pipeline)
            answers: list[Any] = pipeline.execute()[-len(stretches) :] if stretches else []
        return [stretch for stretch, complete_to in zip(stretches, answers, strict=True) if complete_to is not None]

    def complete_to(self, partition: int) -> int:
        """The first offset of a partition that may not have been noted. Raises: CacheUnavailableError."""
        with unavailable_when_away():
            found: Any = self._redis.get(self._mark(partition))
        return int(found or 0)

    def standing(self, partition: int, track_id: str) -> Standing:
        """What is known of a track of ``partition``. Raises: CacheUnavailableError."""
        with unavailable_when_away():
            # One command, so that the mark is not newer than the note.
            found: Any = self._redis.mget(self._mark(partition), _PREFIX + track_id)
        complete, note = found
        return Standing(int(complete or 0), _note(track_id, note.decode()) if note else None)

    def _mark(self, partition: int) -> str:
        return f"{_COMPLETE_PREFIX}{self._topic}:{partition}"


def _note(track_id: str, value: str) -> Note:
    return Note(track_id, Position.parse(value[:_POSITION_CHARACTERS]), value[_POSITION_CHARACTERS:])


def _fixed_width(offset: int) -> str:
    return f"{offset:019d}"
