"""Track views: the last outcome of each track, label or failure. The newest submission wins, whatever arrives when."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from schemas.origin import Position
from schemas.topics import TRACKS_LABELED
from shared.redis.connection import Redis, connect, unavailable_when_away
from shared.settings.redis import RedisSettings

_PREFIX: Final = "needledrop:track:"
# What is left of a deleted track is its position, so that an older outcome that arrives late does not bring it back.
# It lasts as long as the tombstone in the topic, which outlives every failure.
_DELETED_FOR_S: Final = int(TRACKS_LABELED.config["delete.retention.ms"]) // 1000

# KEYS: the view. ARGV: position, kind, value, seconds that a deletion is remembered. 1 when written.
# Positions are compared as text of fixed width: Lua's numbers do not hold all offsets.
_WRITE_IF_NEWER: Final = """
local known = redis.call('HGET', KEYS[1], 'position')
if known and known > ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if ARGV[2] == 'deleted' then
  redis.call('HSET', KEYS[1], 'position', ARGV[1], 'kind', ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[4])
else
  redis.call('HSET', KEYS[1], 'position', ARGV[1], 'kind', ARGV[2], 'value', ARGV[3])
end
return 1
"""


class ViewKind(StrEnum):
    """How a track's last submission ended."""

    LABEL = "label"
    FAILURE = "failure"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class View:
    """The last outcome of a track. ``value`` is the event's JSON, empty for a deleted track."""

    track_id: str
    position: Position
    kind: ViewKind
    value: bytes = b""


class TrackViews:
    """The views in Redis. They never expire."""

    def __init__(self, settings: RedisSettings) -> None:
        self._redis: Redis = connect(settings)
        self._write_if_newer = self._redis.register_script(_WRITE_IF_NEWER)

    def write(self, views: Iterable[View]) -> int:
        """Write those that are not older than what is known, in one round trip; how many were.

        Raises: CacheUnavailableError; then any of them may be written or not, and all may be written again.
        """
        with unavailable_when_away(), self._redis.pipeline(transaction=False) as pipeline:
            for view in views:
                arguments = [str(view.position), view.kind.value, view.value, _DELETED_FOR_S]
                self._write_if_newer(keys=[_PREFIX + view.track_id], args=arguments, client=pipeline)
            return sum(int(written) for written in pipeline.execute())

    def get(self, track_id: str) -> View | None:
        """The view of a track; None when it is unknown or deleted. Raises: CacheUnavailableError."""
        with unavailable_when_away():
            fields: Any = self._redis.hgetall(_PREFIX + track_id)
        if not fields or fields[b"kind"] == ViewKind.DELETED.value.encode():
            return None
        return View(
            track_id, Position.parse(fields[b"position"].decode()), ViewKind(fields[b"kind"].decode()), fields[b"value"]
        )

    def track_ids(self) -> Iterator[str]:
        """All tracks that have a view, in no order. Raises: CacheUnavailableError."""
        with unavailable_when_away():
            for key in self._redis.scan_iter(match=_PREFIX + "*", count=1000):
                yield key.decode().removeprefix(_PREFIX)

    def ping(self) -> None:
        """Raises CacheUnavailableError when Redis is away, InvalidSettingError when it refuses us."""
        with unavailable_when_away():
            self._redis.ping()
