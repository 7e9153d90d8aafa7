"""How far behind the ends of its partitions a stream is."""

import time
from collections.abc import Iterable
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from shared.kafka.progress import PartitionProgress
from shared.kafka.watermarks import watermarks
from shared.metrics.stream import StreamMetrics

# The client knows the ends as of its last fetch. One that no longer fetches (a partition that stayed paused) would see
# no lag for ever, so the brokers are asked, too.
_ASK_EVERY_S: Final = 10.0
# The loop waits for the answer: a broker that is away must not keep it from its work.
_ANSWER_WITHIN_S: Final = 1.0


class Lag:
    """Measures it. For the thread of the consumer."""

    def __init__(self, consumer: Consumer, metrics: StreamMetrics) -> None:
        self._consumer = consumer
        self._metrics = metrics
        self._ask_at = time.monotonic() + _ASK_EVERY_S
        self._asked: dict[tuple[str, int], int] = {}

    def measured(self, partitions: Iterable[PartitionProgress]) -> int:
        """Offsets between the ends of ``partitions`` and what is committed, all together."""
        ours = list(partitions)
        if time.monotonic() >= self._ask_at:
            self._ask(ours)
        total = 0
        for progress in ours:
            low, high = self._consumer.get_watermark_offsets(_place(progress), cached=True)
            high = max(high, self._asked.get((progress.topic, progress.partition), -1))
            if high >= 0:
                lag = max(high - max(progress.committed, low), 0)
                self._metrics.lag(progress.topic, progress.partition, lag)
                total += lag
        return total

    def _ask(self, partitions: Iterable[PartitionProgress]) -> None:
        self._asked.clear()
        places = [_place(progress) for progress in partitions]
        try:
            marks = watermarks(self._consumer, places, timeout_s=_ANSWER_WITHIN_S)
            self._asked.update({(one.topic, one.partition): high for one, (_, high) in zip(places, marks, strict=True)})
        except KafkaException:
            pass  # what fetching tells is all there is
        self._ask_at = time.monotonic() + _ASK_EVERY_S


def _place(progress: PartitionProgress) -> TopicPartition:
    return TopicPartition(progress.topic, progress.partition)
