"""A test build of the stream loop: inside open transactions it dies, freezes or is told to abort, now and then."""

import os
import random
import signal
import threading
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from shared.kafka import transactions
from shared.kafka.clients import transactional_producer
from shared.settings.kafka import KafkaSettings

Fault = Callable[[], None]


def die() -> None:
    """SIGKILL to ourselves."""
    os.kill(os.getpid(), signal.SIGKILL)


def freeze() -> None:
    """SIGSTOP to ourselves; somebody must wake us up."""
    os.kill(os.getpid(), signal.SIGSTOP)


def abort() -> None:
    """What the client raises when a transaction cannot be committed."""
    raise KafkaException(KafkaError(KafkaError.COORDINATOR_NOT_AVAILABLE, "a fault point", False, False, True))


FAULTS: Final = {"die": die, "freeze": freeze, "abort": abort}
_WRITTEN_WITHIN_S: Final = 10.0
# A commit takes some milliseconds: a fault that comes meanwhile may find it done or not.
_WHILE_COMMITTING_S: Final = 0.004


class FaultyProducer:
    """A transactional producer; at ``odds`` a transaction meets a fault, at a point that chance decides."""

    def __init__(self, producer: Producer, fault: Fault, odds: float) -> None:
        self._producer = producer
        self._fault = fault
        self._odds = odds
        self._point = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)

    def begin_transaction(self) -> None:
        self._producer.begin_transaction()
        self._point = ""
        if random.random() < self._odds:
            self._point = random.choice(("begun", "written", "offsets sent", "committing", "committed"))
        self._reach("begun")

    def send_offsets_to_transaction(self, *arguments: Any) -> None:
        if self._point == "written":
            self._producer.flush(_WRITTEN_WITHIN_S)  # outputs are in the log, for those who read uncommitted
        self._reach("written")
        self._producer.send_offsets_to_transaction(*arguments)
        self._reach("offsets sent")

    def commit_transaction(self, *arguments: Any) -> None:
        if self._point == "committing" and self._fault is not abort:
            threading.Timer(random.uniform(0.0, _WHILE_COMMITTING_S), self._fault).start()
        self._producer.commit_transaction(*arguments)
        if self._fault is not abort:  # a committed transaction cannot be aborted
            self._reach("committed")

    def _reach(self, point: str) -> None:
        if self._point == point:
            self._point = ""
            self._fault()


def have_faults(fault: Fault, odds: float) -> None:
    """Have the transactions of every stream of this process meet ``fault``."""

    def faulty(settings: KafkaSettings, transactional_id: str) -> Any:
        return FaultyProducer(transactional_producer(settings, transactional_id), fault, odds)

    transactions.transactional_producer = faulty  # type: ignore[attr-defined]
