"""Writes outputs and offsets together, or not at all."""

import logging
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from shared.kafka.clients import transactional_producer
from shared.kafka.faults import StreamStoppedError, error_of, stopping
from shared.kafka.records import Outgoing
from shared.settings.kafka import KafkaSettings

log = logging.getLogger("needledrop.kafka")

# Each call is given so long, then made again: it may be retried until the broker is back.
_CALL_TIMEOUT_S = 5.0
# A broker that is away for longer ends the worker: its supervisor starts another, with a fresh connection.
_PATIENCE_S = 120.0

# The same record is refused again: it is larger than its topic takes, or has no key where the topic is compacted.
_NEVER_TAKEN: Final = frozenset(
    {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE, KafkaError.INVALID_RECORD}
)


class Ending(StrEnum):
    """How a commit ended."""

    COMMITTED = "committed"
    ABORTED = "aborted"
    """Nothing is written. The caller polls, so that partitions that were lost drop out, and tries again."""
    REFUSED = "refused"
    """Nothing is written, and the brokers will never take at least one of the outputs."""


class Transactions:
    """One transactional producer and its transactions, never more than one open, never left open."""

    def __init__(self, settings: KafkaSettings, transactional_id: str, consumer: Consumer) -> None:
        """Fence any predecessor with the same id and take its place. Blocks until the broker answers.

        The offsets are those of ``consumer``'s group.
        """
        self._consumer = consumer
        self._producer = transactional_producer(settings, transactional_id)
        self._discards_offsets = settings.embedded
        self._is_refused = False
        self._patiently(lambda: self._producer.init_transactions(_CALL_TIMEOUT_S))

    def commit(self, outputs: Sequence[Outgoing], offsets: list[TopicPartition]) -> Ending:
        """Write ``outputs`` and the group's ``offsets`` in one transaction.

        Raises: FencedError when another process has our id; StreamStoppedError when the client cannot go on.
        """
        self._is_refused = False
        try:
            self._producer.begin_transaction()
            for output in outputs:
                self._produce(output)
            metadata = self._consumer.consumer_group_metadata()
            self._patiently(lambda: self._producer.send_offsets_to_transaction(offsets, metadata, _CALL_TIMEOUT_S))
            self._patiently(lambda: self._producer.commit_transaction(_CALL_TIMEOUT_S))
        except KafkaException as exception:
            error = error_of(exception)
            too_large = error.code() in _NEVER_TAKEN  # the client itself says so of what is over its own limit
            if error.fatal() or not (error.txn_requires_abort() or error.retriable() or too_large):
                raise stopping(error) from exception
            log.warning("transaction aborted", extra={"error": error.name(), "detail": error.str()})
            self._abort()  # afterwards all is delivered or refused
            return Ending.REFUSED if too_large or self._is_refused else Ending.ABORTED
        if self._discards_offsets:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        return Ending.COMMITTED

    def _produce(self, output: Outgoing) -> None:
        while True:
            try:
                self._producer.produce(
                    output.topic,
                    key=output.key,
                    value=output.value,
                    headers=list(output.headers),
                    on_delivery=self._delivered,
                )
            except BufferError:  # the client's queue is full: let it deliver
                self._producer.poll(0.05)
            else:
                return

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        self._is_refused |= error is not None and error.code() in _NEVER_TAKEN

    def _abort(self) -> None:
        try:
            self._patiently(lambda: self._producer.abort_transaction(_CALL_TIMEOUT_S))
        except KafkaException as exception:
            raise stopping(error_of(exception)) from exception

    @staticmethod
    def _patiently(call: Callable[[], None]) -> None:
        """Make ``call`` again while the client says that this helps: such a call goes on where it was."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                call()
            except KafkaException as exception:
                error = error_of(exception)
                if error.fatal() or error.txn_requires_abort() or not _may_go_on(error):
                    raise
                if time.monotonic() > deadline:
                    raise StreamStoppedError(
                        f"no answer from the broker for {_PATIENCE_S:.0f} s ({error.name()}): is it up, and is "
                        "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS right?"
                    ) from exception
                time.sleep(0.05)
            else:
                return


def _may_go_on(error: KafkaError) -> bool:
    return bool(error.retriable()) or error.code() == KafkaError._TIMED_OUT  # noqa: SLF001 - a public constant
