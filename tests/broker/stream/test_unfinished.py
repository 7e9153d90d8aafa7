"""Nothing is committed past a record whose work is not done, whatever aborts meanwhile."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Message, TopicPartition

from shared.kafka import transactions
from shared.kafka.clients import reader, transactional_producer
from shared.kafka.records import Outgoing, Record
from shared.kafka.spec import StreamSpec
from shared.kafka.stream import Stream
from shared.metrics.exposition import Registry
from shared.metrics.stream import StreamMetrics
from tests.broker.harness.fault_points import FaultyProducer, abort

if TYPE_CHECKING:
    from tests.broker.conftest import KafkaTools
    from tests.broker.harness.census import Census
    from tests.broker.stream.conftest import RunningStream

pytestmark = pytest.mark.broker

N_RECORDS = 30
UNFINISHED = 7
LOOKED_AT_FOR_S = 2.0


def key_of(message: Message) -> str:
    return (message.key() or b"").decode()


def test_offsets_and_outputs_wait_behind_an_unfinished_record_while_transactions_abort(
    kafka: "KafkaTools",
    running: "Callable[[Stream], RunningStream]",
    census: "Callable[..., Census]",
    eventually: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        transactions,
        "transactional_producer",
        lambda settings, name: FaultyProducer(transactional_producer(settings, name), abort, odds=0.4),
    )
    inbox, outbox = kafka.new_topic(1), kafka.new_topic(1)
    keys = [f"key-{number}" for number in range(N_RECORDS)]
    begun = threading.Event()
    unfinished: Future[Sequence[Outgoing]] = Future()

    def start(records: Sequence[Record]) -> list[Future[Sequence[Outgoing]]]:
        works: list[Future[Sequence[Outgoing]]] = []
        for record in records:
            works.append(unfinished if record.offset == UNFINISHED else Future())
            if record.offset != UNFINISHED:
                works[-1].set_result(outputs_of(record))
            if record.offset == N_RECORDS - 1:
                begun.set()
        return works

    def outputs_of(record: Record) -> tuple[Outgoing, ...]:
        return (Outgoing(outbox, record.key or b"", record.value),)

    def committed() -> int:
        [found] = asking.committed([TopicPartition(inbox, 0)], timeout=10)
        return int(found.offset)

    asking = reader(kafka.settings, inbox)
    out = census(kafka.bootstrap, [outbox], key_of)
    spec = StreamSpec("stage", inbox, (inbox,), max_in_flight=2 * N_RECORDS)
    kafka.publish(inbox, keys)
    running(Stream(kafka.settings, spec, start, StreamMetrics(Registry(), "stage")))

    eventually(out.exactly_once(keys[:UNFINISHED]))
    assert begun.wait(20)
    looked_until = time.monotonic() + LOOKED_AT_FOR_S
    while time.monotonic() < looked_until:
        assert committed() == UNFINISHED
        assert out.exactly_once(keys[:UNFINISHED])() is None
        time.sleep(0.05)

    unfinished.set_result((Outgoing(outbox, keys[UNFINISHED].encode(), b"x"),))
    eventually(out.exactly_once(keys))
    eventually(kafka.no_lag(inbox, inbox))
    asking.close()
