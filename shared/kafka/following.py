"""Reads topics without a group: from now on, or from the first record to the last there is."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from schemas.errors import InvalidSettingError
from shared.kafka.clients import reader, require_answer
from shared.kafka.faults import error_of
from shared.kafka.records import Record, record_of
from shared.kafka.watermarks import watermarks
from shared.settings.kafka import KafkaSettings

_CALL_TIMEOUT_S: Final = 15.0
# Who reads a topic to its end waits for the end of the last fetch, which brings nothing.
_FETCH_WAIT_MS: Final = 200


class Follower:
    """Reads committed records of some topics, all partitions, without a consumer group. Close it."""

    def __init__(self, settings: KafkaSettings, topics: Sequence[str], *, from_start: bool) -> None:
        """Begin at the first record there is, or behind the last.

        Raises: InvalidSettingError when the brokers cannot be reached or a topic is missing.
        """
        self._consumer = reader(settings, "needledrop-follower", says_ends=True, fetch_wait_ms=_FETCH_WAIT_MS)
        require_answer(self._consumer)
        try:
            self._partitions = [
                TopicPartition(topic, partition, OFFSET_BEGINNING)
                for topic in topics
                for partition in self._partitions_of(topic)
            ]
            if not from_start:
                marks = watermarks(self._consumer, self._partitions, timeout_s=_CALL_TIMEOUT_S)
                for one, (_, end) in zip(self._partitions, marks, strict=True):
                    one.offset = end
            self._consumer.assign(self._partitions)
        except KafkaException as exception:
            self.close()
            raise InvalidSettingError(
                f"the brokers at NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS refuse: {error_of(exception).str()}"
            ) from None

    def take(self, timeout_s: float) -> Record | None:
        """The next record, None when none came in time."""
        message = self._consumer.poll(timeout_s)
        return None if message is None or message.error() is not None else record_of(message)

    def to_the_end(self) -> Iterator[Record]:
        """All records up to where each partition ended when it was reached."""
        ended: set[tuple[str, int]] = set()
        while len(ended) < len(self._partitions):
            message = self._consumer.poll(_CALL_TIMEOUT_S)
            if message is None:
                raise InvalidSettingError("the brokers at NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS have stopped answering")
            error = message.error()
            if error is None:
                yield record_of(message)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - a public constant
                ended.add((message.topic() or "", message.partition() or 0))

    def close(self) -> None:
        """Give the connection back."""
        self._consumer.close()

    def _partitions_of(self, topic: str) -> list[int]:
        found = self._consumer.list_topics(topic, timeout=_CALL_TIMEOUT_S).topics[topic]
        if found.error is not None:
            raise InvalidSettingError(f"topic {topic}: {found.error.str()}; run `needledrop topics create`")
        return sorted(found.partitions)


def following(settings: KafkaSettings, topics: Sequence[str], *, from_start: bool) -> closing[Follower]:
    """A follower for a with block."""
    return closing(Follower(settings, topics, from_start=from_start))
