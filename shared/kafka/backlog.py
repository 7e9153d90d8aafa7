"""The backlog limit: retention must not eat features that nobody has classified.

A stream that writes to a limited topic waits while a partition of it holds more offsets that the next stage has not
committed than the limit. Each partition is watched by itself, and what we committed since the last look is counted,
or bursts overshoot. Bulk submits are limited over all partitions together: they promise a number of tracks.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable

from confluent_kafka import Consumer, KafkaException, TopicPartition

from shared.kafka.clients import reader
from shared.kafka.partitioner import partition_of
from shared.kafka.records import Outgoing
from shared.kafka.watermarks import watermarks
from shared.settings.kafka import KafkaSettings

# A look is three requests, some 3 ms here and at the brokers: not more often than this when the limit is near ...
_LOOK_AGAIN_S = 0.02
# ... and of a large limit only when a part of it may be free again: 0.8 s for 400 offsets, which last for a minute.
_LOOK_AGAIN_S_AN_OFFSET = 0.002
# Not less often than this, since other workers write, too.
_LOOK_LATEST_S = 1.0


class BacklogLimit:
    """How much more may be written to ``topic``, given what ``group`` has committed of it. For one thread."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        topic: str,
        group: str,
        limit: int,
        together: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``limit`` is in offsets: of each partition, or of all of them ``together``."""
        self._limit = limit
        self._look_again_s = min(max(_LOOK_AGAIN_S, limit * _LOOK_AGAIN_S_AN_OFFSET), _LOOK_LATEST_S)
        self._together = together
        self._topic = topic
        self._clock = clock
        # Never subscribed: it only asks for the other group's committed offsets and for (uncommitted) watermarks.
        self._consumer: Consumer = reader(settings, group, isolation="read_uncommitted")
        self._partitions: list[int] = []
        self._lag: dict[int, int] = {}
        self._since: Counter[int] = Counter()
        self._looked_at = -1e9
        self._has_seen = False

    def close(self) -> None:
        """Give the connection back."""
        self._consumer.close()

    def backlog(self) -> dict[int, int]:
        """Offsets of each partition that the next stage has not committed, as last seen."""
        return {partition: lag + self._since[partition] for partition, lag in self._lag.items()}

    def charge(self, outputs: Iterable[Outgoing]) -> Counter[int]:
        """The offsets that each partition would gain, the transaction's marker not counted."""
        keys = [output.key for output in outputs if output.topic == self._topic]
        if keys and not self._partitions:
            self.look()
        return Counter(partition_of(key, max(len(self._partitions), 1)) for key in keys)

    def has_room(self, charge: Counter[int]) -> bool:
        """Whether every partition may gain that much and a marker; looks again at Kafka when that is due.

        One record and its marker always fit an empty partition, since no limit is below 2.
        """
        age = self._clock() - self._looked_at
        if age > _LOOK_LATEST_S or (age > self._look_again_s and not self._fits(charge)):
            self.look()
        return self._fits(charge)

    def committed(self, charge: Counter[int]) -> None:
        """Note that a transaction with this charge was committed; or bulk submits, which are written outside of any."""
        self._since.update(charge)
        if not self._together:
            self._since.update(dict.fromkeys(charge, 1))  # its marker

    def look(self) -> bool:
        """Ask the broker; whether it answered. If not, what was seen last stays true; before that there is no room."""
        try:
            if not self._partitions:
                topics = self._consumer.list_topics(self._topic, timeout=5.0).topics
                self._partitions = sorted(topics[self._topic].partitions)
            asked = [TopicPartition(self._topic, partition) for partition in self._partitions]
            # A topic that is not there has no backlog. (The client refuses to be asked about no partition.)
            committed = self._consumer.committed(asked, timeout=5.0) if asked else []
            marks = watermarks(self._consumer, committed, timeout_s=5.0)
            for found, (low, high) in zip(committed, marks, strict=True):
                self._lag[found.partition] = high - max(found.offset, low)
        except KafkaException:
            self._looked_at = self._clock()
            return False
        self._since.clear()
        self._looked_at = self._clock()
        self._has_seen = True
        return True

    def _fits(self, charge: Counter[int]) -> bool:
        if not self._has_seen:
            return False
        if self._together:
            return sum(self._lag.values()) + self._since.total() + charge.total() <= self._limit
        return all(
            self._lag.get(partition, 0) + self._since[partition] + n + 1 <= self._limit
            for partition, n in charge.items()
        )
