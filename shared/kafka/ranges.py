"""Reads stretches of a topic by their offsets, without a group: a record at its coordinates, or all there is now."""

import time
from collections.abc import Callable, Iterator
from typing import Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from schemas.errors import UnreachableError
from schemas.origin import Coordinates
from shared.kafka.clients import reader
from shared.kafka.faults import AbandonedError, error_of
from shared.kafka.records import Record, record_of
from shared.kafka.watermarks import watermarks
from shared.settings.kafka import KafkaSettings

# Brokers that are up answer within milliseconds, one that starts within some seconds.
_SILENCE_S: Final = 15.0
_POLL_S: Final = 0.2
# The next stretch waits for the fetch that the last one left at the end of its partition.
_FETCH_WAIT_MS: Final = 20
# The end of the partition, and a topic or partition that is not there any more.
_NOTHING_MORE: Final = frozenset(
    {
        KafkaError._PARTITION_EOF,  # noqa: SLF001 - a public constant, as the two below
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    }
)


class RangeReader:
    """Reads committed records of one partition at a time. Connects at the first use; for one thread; close it."""

    def __init__(self, settings: KafkaSettings, stopped: Callable[[], bool] = lambda: False) -> None:
        """``stopped`` is asked while records are awaited."""
        self._consumer = reader(settings, "needledrop-ranges", says_ends=True, fetch_wait_ms=_FETCH_WAIT_MS)
        self._stopped = stopped

    def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        """For each partition the first offset that is kept and the one behind the last.

        Raises: UnreachableError.
        """
        try:
            found = self._consumer.list_topics(topic, timeout=_SILENCE_S).topics[topic]
            if found.error is not None:
                raise UnreachableError(f"topic {topic}: {found.error.str()}; run `needledrop topics create`")
            partitions = [TopicPartition(topic, partition) for partition in sorted(found.partitions)]
            marks = watermarks(self._consumer, partitions, timeout_s=_SILENCE_S)
        except KafkaException as exception:
            raise _unreachable(error_of(exception)) from None
        return {one.partition: both for one, both in zip(partitions, marks, strict=True)}

    def between(self, topic: str, partition: int, start: int, end: int) -> Iterator[Record]:
        """The records from ``start`` to before ``end``, as far as they are still kept and there already.

        Raises: UnreachableError when no broker answers; AbandonedError when stopped.
        """
        if start >= end:
            return
        self._consumer.assign([TopicPartition(topic, partition, start)])
        try:
            yield from self._before(end)
        finally:
            self._consumer.unassign()  # or it would go on fetching what nobody wants

    def _before(self, end: int) -> Iterator[Record]:
        patient_until = time.monotonic() + _SILENCE_S
        while time.monotonic() < patient_until:
            if self._stopped():
                raise AbandonedError("stopped while records were read")
            message = self._consumer.poll(_POLL_S)
            if message is None:
                continue
            error = message.error()
            if error is None:
                if (message.offset() or 0) >= end:
                    return
                yield record_of(message)
                patient_until = time.monotonic() + _SILENCE_S
            elif error.code() in _NOTHING_MORE:
                return
        raise UnreachableError("the brokers at NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS have stopped answering")

    def at(self, place: Coordinates) -> Record | None:
        """The record at ``place``, None when it is not kept any more. Raises: as ``between``."""
        return next(self.between(place.topic, place.partition, place.offset, place.offset + 1), None)

    def close(self) -> None:
        """Give the connection back."""
        self._consumer.close()


def _unreachable(error: KafkaError) -> UnreachableError:
    return UnreachableError(f"the brokers at NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS do not answer: {error.str()}")
