"""The drain switch: one key that extractors look at, and what they answer. See docs/adr/0022-drain-switch.md."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from shared.redis.connection import Redis, connect, unavailable_when_away
from shared.settings.redis import RedisSettings

_SWITCH: Final = "needledrop:drain"
_AT_REST_PREFIX: Final = "needledrop:at-rest:"
LOOK_EVERY_S: Final = 1.0
# An answer that is not repeated is of a worker that is gone, or works again.
_ANSWER_KEPT_S: Final = 4


class DrainSwitch:
    """On: no extractor takes a submission."""

    def __init__(self, settings: RedisSettings) -> None:
        self._redis: Redis = connect(settings)

    def turn_on(self, at: datetime) -> None:
        """Ask all extractors to rest; it stays on until it is turned off. Raises: CacheUnavailableError."""
        with unavailable_when_away():
            self._redis.set(_SWITCH, at.isoformat(), nx=True)

    def turn_off(self) -> bool:
        """Have them work again; whether it was on. Raises: CacheUnavailableError."""
        with unavailable_when_away():
            return bool(self._redis.delete(_SWITCH))

    def is_on(self) -> bool:
        """Raises: CacheUnavailableError."""
        with unavailable_when_away():
            return bool(self._redis.exists(_SWITCH))

    def say_at_rest(self, partitions: Collection[int]) -> None:
        """Nothing of these is in flight, as of now. Raises: CacheUnavailableError."""
        with unavailable_when_away(), self._redis.pipeline(transaction=False) as pipeline:
            for partition in partitions:
                pipeline.set(f"{_AT_REST_PREFIX}{partition}", b"", ex=_ANSWER_KEPT_S)
            pipeline.execute()

    def at_rest(self, partitions: Collection[int]) -> set[int]:
        """Those of which an extractor has said so within the last seconds. Raises: CacheUnavailableError."""
        if not partitions:
            return set()
        with unavailable_when_away():
            found: Any = self._redis.mget([f"{_AT_REST_PREFIX}{partition}" for partition in partitions])
        return {partition for partition, one in zip(partitions, found, strict=True) if one is not None}
