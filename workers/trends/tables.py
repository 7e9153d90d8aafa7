"""Faust tables whose changelogs are written when offsets are committed, each changed key once."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import faust
from faust.types import EventT, FutureMessage

from workers.trends.topics import Changelog
from workers.trends.windows import (
    HOUR_S,
    SOURCES,
    WINDOWS_S,
    Count,
    WindowKey,
    changelog_name,
    kept_s,
    outdated,
    partition_of,
)

# Kafka deletes and compacts closed segments only: the larger they are, the more a restart must read again.
_SEGMENT_MS: Final = 10 * 60 * 1000
_SEGMENT_BYTES: Final = 16 * 1024 * 1024


def changelogs(group: str, hours_kept: int) -> list[Changelog]:
    """The topics behind the tables."""
    return [
        Changelog(changelog_name(group, topic, window_s), topic, _changelog_config(kept_s(window_s, hours_kept)))
        for topic in SOURCES
        for window_s in WINDOWS_S
    ]


def _changelog_config(kept_s: int) -> dict[str, str]:
    return {
        "cleanup.policy": "compact,delete",
        # A window is written until it ends, and a late record may follow.
        "retention.ms": str((kept_s + HOUR_S) * 1000),
        "segment.ms": str(_SEGMENT_MS),
        "segment.bytes": str(_SEGMENT_BYTES),
        "min.cleanable.dirty.ratio": "0.1",
    }


class CountTable(faust.Table[WindowKey, Count]):
    """``WindowKey -> Count``, on the partition that the key names, and outside of streams, too."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - Faust's own
        self._changed: set[WindowKey] = set()
        super().__init__(*args, **options)

    def on_key_set(self, key: WindowKey, value: Count) -> None:  # noqa: ARG002 - Faust's signature
        """Note the key; Faust would write each of its values."""
        self._changed.add(key)

    def apply_changelog_batch(self, batch: Iterable[EventT[Any]]) -> None:
        """Take over what the changelog says, except values that are older than what is known.

        A process that was frozen and lost its partitions may wake up and write once more, behind its successor: a true
        count of fewer records. Such a key is noted, to be written again.
        """
        for event in batch:
            key = self._to_key(event.key)
            known = self.data.get(key)
            if known and event.value and event.value[1] < known[1]:
                self._changed.add(key)
            else:
                super().apply_changelog_batch([event])

    def write_changes(self, partitions: frozenset[int]) -> list[FutureMessage]:
        """Send the newest value of each key that changed, where the partition is one of these."""
        # The others stay noted: when their partition comes back to us, its count is still to be written.
        ours = {key for key in self._changed if partition_of(key) in partitions}
        self._changed -= ours
        return [self.send_changelog(partition_of(key), key, self.data[key]) for key in ours]

    def forget_outdated(self, *, kept_s: float, now_s: float) -> None:
        """Drop windows from memory; the changelog drops them by age."""
        for key in outdated(list(self.data), kept_s=kept_s, now_s=now_s):
            del self.data[key]
            self._changed.discard(key)


async def written(writes: list[FutureMessage], timeout_s: float) -> None:
    """Wait until all are in Kafka. Raises: whatever the producer says of one that is not, TimeoutError."""
    if writes:
        async with asyncio.timeout(timeout_s):
            await asyncio.gather(*writes)
