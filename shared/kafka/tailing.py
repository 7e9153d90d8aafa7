"""Follows topics from offsets that the reader keeps itself, without a group: committed records, and how far it is."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from confluent_kafka import OFFSET_BEGINNING, KafkaException, Message, TopicPartition

from schemas.errors import UnreachableError
from shared.kafka.clients import reader
from shared.kafka.faults import StreamStoppedError, error_of, is_fatal, stopping
from shared.kafka.records import Record, record_of
from shared.kafka.watermarks import watermarks
from shared.settings.kafka import KafkaSettings

log = logging.getLogger("needledrop.kafka")

Place: TypeAlias = tuple[str, int]
"""A topic and a partition."""

_ANSWER_WITHIN_S: Final = 5.0
# Behind the first record that comes, others are waited for: what is stored together costs one write to disk.
_GATHER_S: Final = 0.5
# New partitions are found, and a broker of another cluster at the same address, this often.
_LOOK_EVERY_S: Final = 10.0


class Tail:
    """All partitions of some topics, each from where its reader says. For one thread; close it.

    The reader stores ``positions()`` together with what it made of the records, and so goes on exactly where it was.
    """

    def __init__(self, settings: KafkaSettings, topics: Sequence[str]) -> None:
        """Connects at the first use."""
        self._topics = topics
        self._consumer = reader(settings, "needledrop-tail")
        self._cluster_id = ""
        self._assigned: list[TopicPartition] = []
        self._begun: dict[Place, int] = {}
        self._look_at = 0.0

    def cluster_id(self) -> str:
        """The cluster's own id. Raises: UnreachableError when no broker answers."""
        try:
            return str(self._consumer.list_topics(self._topics[0], timeout=_ANSWER_WITHIN_S).cluster_id)
        except KafkaException as exception:
            raise _unreachable(exception) from None

    def start(self, cluster_id: str, offsets: Mapping[Place, int]) -> None:
        """Begin at these offsets, at the first record there is where none is given or it is not kept any more.

        Raises: UnreachableError when no broker answers or a topic is missing.
        """
        self._cluster_id = cluster_id
        self._assign(offsets)
        self._look_at = time.monotonic() + _LOOK_EVERY_S

    def take(self, most: int, timeout_s: float) -> list[Record]:
        """The next records, none when none came in time.

        Raises: StreamStoppedError when the client cannot go on, or another cluster answers than before.
        """
        if time.monotonic() > self._look_at:
            self._look_at = time.monotonic() + _LOOK_EVERY_S
            self._look_for_partitions()
        first = self._consumer.poll(timeout_s)
        if first is None:
            return []
        messages = [first, *self._consumer.consume(most - 1, timeout=_GATHER_S)]
        return [record_of(message) for message in messages if _is_record(message)]

    def positions(self) -> dict[Place, int]:
        """The offset to read next of each partition; transaction markers move it, too."""
        found = self._consumer.position(self._assigned)
        read = {(one.topic, one.partition): int(one.offset) for one in found if one.offset >= 0}
        # The client has no position in a partition from which nothing was read yet.
        return {place: offset for place, offset in self._begun.items() if offset >= 0} | read

    def lags(self) -> dict[Place, int | None]:
        """Offsets behind the end of each partition, None where the end is not known yet. Asks no broker."""
        positions = self.positions()
        lags: dict[Place, int | None] = {}
        for one in self._assigned:
            low, high = self._consumer.get_watermark_offsets(one, cached=True)
            place = (one.topic, one.partition)
            lags[place] = max(high - max(positions.get(place, 0), low), 0) if high >= 0 else None
        return lags

    def close(self) -> None:
        """Give the connection back."""
        self._consumer.close()

    def _look_for_partitions(self) -> None:
        try:
            cluster_id = self.cluster_id()
            if cluster_id != self._cluster_id:
                raise StreamStoppedError(f"another cluster answers now: {cluster_id} instead of {self._cluster_id}")
            self._assign({})
        except UnreachableError as error:
            log.warning("%s; trying again", error)

    def _assign(self, offsets: Mapping[Place, int]) -> None:
        """Assign those partitions that are not yet."""
        known = {(one.topic, one.partition) for one in self._assigned}
        more = [
            TopicPartition(topic, partition, OFFSET_BEGINNING)
            for topic in self._topics
            for partition in self._partitions_of(topic)
            if (topic, partition) not in known
        ]
        self._set_where_to_begin([one for one in more if (one.topic, one.partition) in offsets], offsets)
        if more:
            self._assigned += more
            self._begun |= {(one.topic, one.partition): one.offset for one in more}
            self._consumer.incremental_assign(more)

    def _partitions_of(self, topic: str) -> list[int]:
        try:
            found = self._consumer.list_topics(topic, timeout=_ANSWER_WITHIN_S).topics[topic]
        except KafkaException as exception:
            raise _unreachable(exception) from None
        if found.error is not None:
            raise UnreachableError(f"topic {topic}: {found.error.str()}; run `needledrop topics create`")
        return sorted(found.partitions)

    def _set_where_to_begin(self, partitions: Sequence[TopicPartition], offsets: Mapping[Place, int]) -> None:
        """Set their offsets where those are still there; the others stay at the beginning."""
        try:
            marks = watermarks(self._consumer, partitions, timeout_s=_ANSWER_WITHIN_S)
        except KafkaException as exception:
            raise _unreachable(exception) from None
        for one, (low, high) in zip(partitions, marks, strict=True):
            offset = offsets[one.topic, one.partition]
            # Beyond the end: the topic was made anew. Before the first: retention has removed records meanwhile.
            if low <= offset <= high:
                one.offset = offset


def _is_record(message: Message) -> bool:
    error = message.error()
    if error is None:
        return True
    if is_fatal(error):
        raise stopping(error)
    log.warning("kafka", extra={"error": error.name(), "detail": error.str()})
    return False


def _unreachable(exception: KafkaException) -> UnreachableError:
    return UnreachableError(
        f"the brokers at NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS do not answer: {error_of(exception).str()}"
    )
