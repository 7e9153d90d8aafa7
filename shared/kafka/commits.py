"""Commits a prefix: in a transaction with its outputs, or, for a stage without outputs, plainly after the work."""

import logging
import time
from collections.abc import Callable, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from shared.kafka.faults import FencedError, error_of, is_fatal, stopping
from shared.kafka.records import Outgoing
from shared.kafka.transactions import Ending, Transactions
from shared.metrics.stream import StreamMetrics
from shared.settings.kafka import KafkaSettings

log = logging.getLogger("needledrop.kafka")

# The group has moved on without us. Polling tells which partitions are lost.
_GROUP_MOVED_ON = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.STALE_MEMBER_EPOCH,
    }
)


class Commits:
    """Makes progress durable, one call at a time."""

    def __init__(
        self, settings: KafkaSettings, consumer: Consumer, metrics: StreamMetrics, transactional_id: str | None
    ) -> None:
        """With a ``transactional_id`` outputs and offsets are one transaction; without there can be no outputs."""
        self._consumer = consumer
        self._metrics = metrics
        self._commit: Callable[[Sequence[Outgoing], list[TopicPartition]], Ending] = self._plain
        if transactional_id:
            self._commit = Transactions(settings, transactional_id, consumer).commit

    def commit(self, outputs: Sequence[Outgoing], offsets: list[TopicPartition]) -> Ending:
        """Make both durable; unless that succeeds, poll and try again with what is still ours."""
        started = time.monotonic()
        try:
            ending = self._commit(outputs, offsets)
        except FencedError:
            self._metrics.transaction("fenced")
            raise
        self._metrics.commit_seconds.observe(time.monotonic() - started)
        self._metrics.transaction(ending.value)
        return ending

    def _plain(self, _outputs: Sequence[Outgoing], offsets: list[TopicPartition]) -> Ending:
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as exception:
            error = error_of(exception)
            if is_fatal(error):
                raise stopping(error) from exception
            # The work is idempotent: whatever the reason, it is done again or committed with the next batch.
            level = logging.INFO if error.code() in _GROUP_MOVED_ON else logging.WARNING
            log.log(level, "offsets not committed", extra={"error": error.name(), "detail": error.str()})
            return Ending.ABORTED
        return Ending.COMMITTED
