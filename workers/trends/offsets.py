"""Which record of a partition is next, and which offset may be committed: told from what was fetched and handled.

Counts recognise a record that comes again by its offset, so records must be handled in the order of their offsets,
none left out. Around a rebalance Faust does not promise that: it may drop a batch that was fetched, deliver the one
after it, and only then go back to what is committed.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Partition = TypeVar("Partition", bound=Hashable)


@dataclass(slots=True)
class _Reading:
    position: int
    end: int | None
    waiting: deque[int] = field(default_factory=deque)
    """Offsets that were returned and not handled, rising."""
    handled: int = -1
    """The last that was handled, and all before it."""
    moved_at: float = 0.0
    """When the first that waits last changed."""


class Ledger(Generic[Partition]):
    """Follows the partitions of one assignment. Two threads may use it: one that fetches, one that handles."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._assignment: object = None
        self._readings: dict[Partition, _Reading] = {}

    def note_fetched(
        self,
        assignment: object,
        places: Mapping[Partition, tuple[int, int | None]],
        returned: Mapping[Partition, Sequence[int]],
    ) -> None:
        """Note where a consumer is after a fetch, all of it taken at the same moment.

        Args:
            assignment: what is assigned; another object is a new assignment, which forgets the one before it, since
                reading begins again at what is committed.
            places: position and high watermark of each partition. A position lies behind all that was returned, and
                behind the transaction markers and aborted records after that.
            returned: offsets of the records that this fetch gave out, rising.
        """
        with self._lock:
            if assignment is not self._assignment:
                self._assignment = assignment
                self._readings = {}
            for partition, (position, end) in places.items():
                reading = self._readings.setdefault(partition, _Reading(position, end))
                reading.position, reading.end = position, end
            for partition, offsets in returned.items():
                if offsets and partition in self._readings:
                    self._take(self._readings[partition], offsets)

    def _take(self, reading: _Reading, offsets: Sequence[int]) -> None:
        # After a seek backwards some come again: they wait once, and not at all when they were handled.
        while reading.waiting and reading.waiting[-1] >= offsets[0]:
            reading.waiting.pop()
        if not reading.waiting:
            reading.moved_at = self._clock()
        reading.waiting.extend(offset for offset in offsets if offset > reading.handled)

    def is_next(self, partition: Partition, offset: int) -> bool:
        """Whether this is the first record that waits. What is not will come again, or was handled already."""
        with self._lock:
            reading = self._readings.get(partition)
            return bool(reading and reading.waiting and reading.waiting[0] == offset)

    def note_handled(self, partition: Partition, offset: int) -> None:
        """The next record is handled. Does nothing when it is no longer the next."""
        with self._lock:
            reading = self._readings.get(partition)
            if reading and reading.waiting and reading.waiting[0] == offset:
                reading.handled = reading.waiting.popleft()
                reading.moved_at = self._clock()

    def committable(self, partition: Partition) -> int | None:
        """The first offset that is not handled, the position when all are; None while nothing is known."""
        with self._lock:
            reading = self._readings.get(partition)
            if reading is None:
                return None
            return reading.waiting[0] if reading.waiting else max(reading.position, reading.handled + 1)

    def lag(self, partition: Partition, committed: int | None) -> int | None:
        """How many offsets lie between what is committed and the end; None while either is unknown."""
        with self._lock:
            reading = self._readings.get(partition)
            if reading is None or reading.end is None or committed is None:
                return None
            return max(reading.end - committed, 0)

    def wait_anew(self) -> None:
        """Count waits from now on: something was done about them."""
        with self._lock:
            for reading in self._readings.values():
                reading.moved_at = self._clock()

    def longest_wait_s(self) -> float:
        """For how long some partition's next record has been the next."""
        with self._lock:
            now = self._clock()
            return max((now - one.moved_at for one in self._readings.values() if one.waiting), default=0.0)
