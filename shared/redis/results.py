"""The result cache: what was found out about a content, so that it is found out once."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pydantic import ValidationError

from schemas.errors import CacheUnavailableError, InvalidSettingError
from schemas.events import TrackResult
from shared.redis.connection import Redis, connect, unavailable_when_away
from shared.settings.redis import RedisSettings

log = logging.getLogger("needledrop.redis")

# After a failed call the cache is left alone for so long: work goes on at full speed while Redis is away.
_REST_S = 2.0


@dataclass(frozen=True, slots=True)
class ResultKey:
    """All that a result depends on."""

    content_hash: str
    ensemble_digest: str
    features_version: str
    policy: str

    def __str__(self) -> str:
        return f"needledrop:result:{self.content_hash}:{self.ensemble_digest}:{self.features_version}:{self.policy}"


class ResultCache(Protocol):
    """Earlier results by content."""

    def get(self, key: ResultKey) -> TrackResult | None:
        """The earlier result, None when there is none; raises CacheUnavailableError."""

    def put(self, key: ResultKey, result: TrackResult) -> None:
        """Remember ``result``; raises CacheUnavailableError."""


class RedisResultCache:
    """Results in Redis, as JSON, with a time to live: `volatile-lru` may evict them, never a view."""

    def __init__(self, settings: RedisSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis: Redis = connect(settings)
        self._ttl_s = settings.result_ttl_s
        self._clock = clock
        self._resting_until = 0.0
        self._away = False

    def get(self, key: ResultKey) -> TrackResult | None:
        """The earlier result, None when there is none or it is of no use any more; raises CacheUnavailableError."""
        value = self._call(lambda: self._redis.get(str(key)))
        if not isinstance(value, bytes):
            return None
        try:
            return TrackResult.model_validate_json(value)
        except ValidationError:
            return None  # written by a version whose results we cannot read: made anew

    def put(self, key: ResultKey, result: TrackResult) -> None:
        """Remember ``result`` until its time to live is over; raises CacheUnavailableError."""
        value = result.model_dump_json(exclude_none=True)
        self._call(lambda: self._redis.set(str(key), value, ex=self._ttl_s))

    def _call(self, call: Callable[[], object]) -> object:
        if self._clock() < self._resting_until:
            raise CacheUnavailableError("Redis did not answer just now")
        try:
            with unavailable_when_away():
                answer = call()
        except (CacheUnavailableError, InvalidSettingError) as error:
            if not self._away:
                log.warning("work goes on without the result cache: %s", error)
            self._away = True
            self._resting_until = self._clock() + _REST_S
            raise CacheUnavailableError(str(error)) from None
        self._away = False
        return answer
