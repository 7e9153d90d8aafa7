"""Counts what a reader of committed records sees."""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from shared.kafka.clients import reader
from shared.settings.kafka import KafkaSettings

_KNOWN_WITHIN_S = 20.0

Invariant = Callable[[], str | None]
"""None while it holds, else what is wrong."""


class Census:
    """Reads (committed) records of some topics from the first on, in a thread, and counts what each is about."""

    def __init__(
        self,
        bootstrap: str,
        topics: Sequence[str],
        about: Callable[[Message], str],
        *,
        isolation: str = "read_committed",
    ) -> None:
        self._counts: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._about = about
        self._consumer: Consumer = reader(
            KafkaSettings(bootstrap_servers=bootstrap), f"census-{uuid.uuid4().hex}", isolation=isolation
        )
        self._consumer.assign(
            [
                TopicPartition(topic, partition, OFFSET_BEGINNING)
                for topic in topics
                for partition in self._partitions_of(topic)
            ]
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _partitions_of(self, topic: str) -> list[int]:
        """Waits for them: brokers hear of a new topic some moments after its creation is confirmed."""
        deadline = time.monotonic() + _KNOWN_WITHIN_S
        while not (found := self._consumer.list_topics(topic, timeout=10).topics[topic].partitions):
            assert time.monotonic() < deadline, f"{topic} has no partitions"
            time.sleep(0.02)
        return list(found)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._stop.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                with self._counting:
                    self._counts[self._about(message)] += 1

    @property
    def counts(self) -> Counter[str]:
        """How often each was seen so far; a copy, since the thread goes on counting."""
        with self._counting:
            return self._counts.copy()

    def exactly_once(self, expected: Sequence[str]) -> Invariant:
        """Each of ``expected`` is there once, and nothing else is."""

        def check() -> str | None:
            counts = self.counts
            wrong = {name: n for name, n in counts.items() if n != 1 or name not in known}
            lost = [name for name in expected if not counts[name]]
            said = f"{len(lost)} lost {lost[:5]}, {len(wrong)} twice or unknown {dict(list(wrong.items())[:5])}"
            return said if lost or wrong else None

        known = frozenset(expected)
        return check
