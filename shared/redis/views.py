"""Track views: the last outcome of each track, label or failure. The newest submission wins, whatever arrives when."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any, Final

import redis

from schemas.errors import InvalidSettingError
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

# KEYS: the view. ARGV: the position it must still have. 1 when removed.
_REMOVE_IF_SAME: Final = """
if redis.call('HGET', KEYS[1], 'position') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""
_AT_ONCE: Final = 1000


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
        self._remove_if_same = self._redis.register_script(_REMOVE_IF_SAME)

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

    def positions(self, track_ids: Iterable[str]) -> Iterator[tuple[str, Position, ViewKind]]:
        """How far the views of tracks are, deleted ones included, unknown ones left out.

        Raises: CacheUnavailableError.
        """
        waiting = iter(track_ids)
        while some := list(islice(waiting, _AT_ONCE)):
            with unavailable_when_away(), self._redis.pipeline(transaction=False) as pipeline:
                for track_id in some:
                    pipeline.hmget(_PREFIX + track_id, "position", "kind")
                found: Any = pipeline.execute()
            for track_id, (position, kind) in zip(some, found, strict=True):
                if position and kind:
                    yield track_id, Position.parse(position.decode()), ViewKind(kind.decode())

    def remove(self, views: Iterable[tuple[str, Position]]) -> int:
        """Remove views that still have these positions; how many had. Raises: CacheUnavailableError."""
        with unavailable_when_away(), self._redis.pipeline(transaction=False) as pipeline:
            for track_id, position in views:
                self._remove_if_same(keys=[_PREFIX + track_id], args=[str(position)], client=pipeline)
            return sum(int(removed) for removed in pipeline.execute())

    def require_safety(self) -> None:
        """Make sure that Redis is there and keeps what never expires.

        Raises: CacheUnavailableError when it is away; InvalidSettingError when it refuses us or may evict views.
        """
        with unavailable_when_away():
            self._redis.ping()
            try:
                memory: Any = self._redis.info("memory")
            except redis.exceptions.NoPermissionError:
                return  # an ACL user need not be able to look
        policy = str(memory.get("maxmemory_policy", ""))
        if policy.startswith("allkeys") and int(memory.get("maxmemory", 0)):
            raise InvalidSettingError(
                f"Redis at NEEDLEDROP_REDIS_URL may evict track views: its maxmemory-policy is {policy}; "
                "set volatile-lru, under which only results go"
            )
