"""The partitions that are ours now: taking them over, giving them back, pausing them."""

import logging
import sys
import time
from collections.abc import Callable, Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from shared.kafka.faults import StreamStoppedError, error_of
from shared.kafka.progress import PartitionProgress
from shared.kafka.unowned import Unowned
from shared.metrics.stream import StreamMetrics

log = logging.getLogger("needledrop.kafka")

_CALL_TIMEOUT_S = 5.0
# A dead member's open transaction holds its offsets back until it times out (10 s by default) and the broker's cleanup,
# every 10 s, has noticed. Meanwhile the client answers nothing but that it has waited.
_PATIENCE_S = 30.0
_TRY_AGAIN_S = 0.2
_PASSING = frozenset(
    {
        KafkaError._TIMED_OUT,  # noqa: SLF001 - a public constant, as the two below
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._WAIT_COORD,  # noqa: SLF001
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError.UNSTABLE_OFFSET_COMMIT,
    }
)
_METADATA_MAGIC = b"CGMDv2:"


class Assignment:
    """Follows the group's rebalances (cooperative: partitions come and go one by one)."""

    def __init__(
        self,
        consumer: Consumer,
        metrics: StreamMetrics,
        unowned: Unowned,
        *,
        before_giving_back: Callable[[list[PartitionProgress]], object],
    ) -> None:
        """``before_giving_back`` commits what is finished of partitions that another member will get."""
        self._consumer = consumer
        self._metrics = metrics
        self._unowned = unowned
        self._topics: list[str] = []
        self._before_giving_back = before_giving_back
        self._progress: dict[tuple[str, int], PartitionProgress] = {}
        self.paused = False
        self.joined = False
        """Whether the group has had us as a member, with or without partitions."""

    def subscribe(self, topics: list[str]) -> None:
        """Join the group."""
        self._topics = topics
        self._consumer.subscribe(topics, on_assign=self._gained, on_revoke=self._revoked, on_lost=self._lost)

    def __iter__(self) -> Iterator[PartitionProgress]:
        return iter(list(self._progress.values()))

    def of(self, topic: str, partition: int) -> PartitionProgress | None:
        """The progress of a partition, None when it is not ours."""
        return self._progress.get((topic, partition))

    def n_in_flight(self) -> int:
        """Records taken and not committed."""
        return sum(len(progress.in_flight) for progress in self._progress.values())

    def watch_membership(self) -> None:
        """Look whether we have joined, and whether somebody must join again for partitions that nobody has."""
        if not self.joined:  # KIP-848 calls nobody back for a member that gets no partitions
            metadata = self._consumer.consumer_group_metadata()
            # Source: rd_kafka_consumer_group_metadata_write: the magic, then the generation (or epoch) of the member as
            # the machine's int32, -1 or 0 before it has joined.
            generation = metadata.removeprefix(_METADATA_MAGIC)[:4] if metadata.startswith(_METADATA_MAGIC) else b""
            self.joined = int.from_bytes(generation, sys.byteorder, signed=True) > 0
        elif self._unowned.left_behind():
            log.warning("partitions without an owner: joining the group again", extra={"topics": self._topics})
            # Leaving is what the client can do to ask for a rebalance; what is in flight is begun anew.
            self._consumer.unsubscribe()
            self.subscribe(self._topics)

    def pause(self, *, paused: bool) -> None:
        """Stop or resume fetching of everything that is ours."""
        if paused != self.paused:
            self.paused = paused
            self._apply_pause()

    def _apply_pause(self) -> None:
        # To all that is ours, each time: cooperative rebalances keep old partitions as they were and resume new ones.
        partitions = [TopicPartition(topic, partition) for topic, partition in self._progress]
        if partitions:
            (self._consumer.pause if self.paused else self._consumer.resume)(partitions)

    def _gained(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # Without a committed offset the group is new here: it starts at the first record there is, on purpose.
        found = _committed(consumer, partitions)
        for one in found:
            self._progress[one.topic, one.partition] = PartitionProgress(one.topic, one.partition, committed=one.offset)
            if one.offset < 0:
                one.offset = OFFSET_BEGINNING
        consumer.incremental_assign(found)
        self.joined = True
        self._apply_pause()
        if found:
            log.info("partitions gained", extra={"partitions": _names(found)})

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        ours = [found for one in partitions if (found := self.of(one.topic, one.partition))]
        self._before_giving_back(ours)
        self._drop(consumer, partitions)

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # They belong to somebody else already: a commit would be refused.
        self._drop(consumer, partitions)

    def _drop(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for one in partitions:
            progress = self._progress.pop((one.topic, one.partition), None)
            if progress:
                progress.drop()
            self._metrics.forget_lag(one.topic, one.partition)
        consumer.incremental_unassign(partitions)
        if partitions:
            log.info("partitions given back", extra={"partitions": _names(partitions)})


def _committed(consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
    """The group's committed offsets; asked again while they are about to change or their coordinator is not ready.

    Raises: StreamStoppedError when they cannot be had.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while partitions:
        try:
            found: list[TopicPartition] = consumer.committed(partitions, timeout=_CALL_TIMEOUT_S)
            error = next((one.error for one in found if one.error), None)
        except KafkaException as exception:
            error = error_of(exception)
        if error is None:
            return found
        # Plain calls of the client never say that they are `retriable()`.
        if error.code() not in _PASSING or time.monotonic() > deadline:
            raise StreamStoppedError(
                f"the group's offsets of {', '.join(_names(partitions))} cannot be had: {error.str()}"
            )
        log.info("waiting for the group's offsets", extra={"error": error.name()})
        time.sleep(_TRY_AGAIN_S)
    return []


def _names(partitions: list[TopicPartition]) -> list[str]:
    return [f"{one.topic}/{one.partition}" for one in partitions]
