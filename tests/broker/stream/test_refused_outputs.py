"""Outputs that the brokers will never take: their records end as small failures, and nobody waits behind them."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Message

from shared.kafka.clients import MAX_MESSAGE_BYTES
from shared.kafka.faults import OutputRefusedError
from shared.kafka.records import Outgoing, Record
from shared.kafka.spec import StreamSpec
from shared.kafka.stream import Stream
from shared.metrics.exposition import Registry
from shared.metrics.stream import StreamMetrics

if TYPE_CHECKING:
    from tests.broker.conftest import KafkaTools
    from tests.broker.harness.census import Census
    from tests.broker.stream.conftest import RunningStream

pytestmark = pytest.mark.broker

TOPIC_TAKES_BYTES = 2_000
KEYS = [f"{size}-{number}" for number in range(8) for size in ("small", "large", "tiny", "huge")]
SIZES = {"tiny": 5, "small": 500, "large": TOPIC_TAKES_BYTES, "huge": MAX_MESSAGE_BYTES + 1}


def about(message: Message) -> str:
    value = (message.value() or b"").decode()
    return f"{(message.key() or b'').decode()} {'failed' if value == 'failed' else 'done'}"


def a_stream(kafka: "KafkaTools", inbox: str, outbox: str, failure: bytes) -> Stream:
    def start(records: Sequence[Record]) -> list[Future[Sequence[Outgoing]]]:
        works: list[Future[Sequence[Outgoing]]] = []
        for record in records:
            size = SIZES[(record.key or b"").decode().partition("-")[0]]
            works.append(Future())
            works[-1].set_result((Outgoing(outbox, record.key or b"", b"x" * size),))
        return works

    spec = StreamSpec("stage", inbox, (inbox,), max_in_flight=16)
    metrics = StreamMetrics(Registry(), "stage")
    return Stream(
        kafka.settings,
        spec,
        start,
        metrics,
        instead=lambda record, _outputs: (Outgoing(outbox, record.key or b"", failure),),
    )


def test_records_whose_outputs_are_too_large_end_as_failures_and_their_neighbours_are_unaffected(
    kafka: "KafkaTools",
    running: "Callable[[Stream], RunningStream]",
    census: "Callable[..., Census]",
    eventually: Callable[..., None],
) -> None:
    inbox = kafka.new_topic(2)
    outbox = kafka.new_topic(2, **{"max.message.bytes": str(TOPIC_TAKES_BYTES)})
    kafka.publish(inbox, KEYS)

    stream = running(a_stream(kafka, inbox, outbox, b"failed"))

    expected = [f"{key} {'done' if key.startswith(('small', 'tiny')) else 'failed'}" for key in KEYS]
    eventually(census(kafka.bootstrap, [outbox], about).exactly_once(expected), 40.0, more=lambda: repr(stream.error))
    eventually(kafka.no_lag(inbox, inbox), 10.0)


def test_records_that_are_small_are_committed_though_all_of_them_in_one_batch_would_be_too_large(
    kafka: "KafkaTools",
    running: "Callable[[Stream], RunningStream]",
    census: "Callable[..., Census]",
    eventually: Callable[..., None],
) -> None:
    inbox = kafka.new_topic(1)
    outbox = kafka.new_topic(1, **{"max.message.bytes": str(TOPIC_TAKES_BYTES)})
    keys = [f"small-{number}" for number in range(40)]
    kafka.publish(inbox, keys)

    running(a_stream(kafka, inbox, outbox, b"failed"))

    eventually(census(kafka.bootstrap, [outbox], about).exactly_once([f"{key} done" for key in keys]), 90.0)


def test_a_stream_ends_and_names_the_topic_when_the_brokers_refuse_the_failure_too(
    kafka: "KafkaTools", running: "Callable[[Stream], RunningStream]", eventually: Callable[..., None]
) -> None:
    inbox = kafka.new_topic(1)
    outbox = kafka.new_topic(1, **{"max.message.bytes": str(TOPIC_TAKES_BYTES)})
    kafka.publish(inbox, ["large-0"])

    stream = running(a_stream(kafka, inbox, outbox, b"x" * TOPIC_TAKES_BYTES))

    eventually(lambda: None if stream.error else "it goes on", 30.0)
    assert isinstance(stream.error, OutputRefusedError)
    assert outbox in str(stream.error)
    assert f"{inbox}:0:0" in str(stream.error)
