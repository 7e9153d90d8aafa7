"""Streams in a group on real Kafka: who is a member, who has lost its place, and where a group goes on."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Self

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from shared.kafka.clients import group_consumer, reader, transactional_producer
from shared.kafka.faults import FencedError, WorkLostError
from shared.kafka.records import Outgoing, Record
from shared.kafka.spec import StreamSpec
from shared.kafka.stream import Stream
from shared.metrics.exposition import Registry
from shared.metrics.stream import StreamMetrics

if TYPE_CHECKING:
    from shared.settings.kafka import KafkaSettings
    from tests.broker.conftest import KafkaTools
    from tests.broker.harness.census import Census
    from tests.broker.stream.conftest import RunningStream

pytestmark = pytest.mark.broker


def key_of(message: Message) -> str:
    return (message.key() or b"").decode()


def a_copying_stream(settings: "KafkaSettings", inbox: str, outbox: str, group: str = "") -> Stream:
    def copy(records: Sequence[Record]) -> list[Future[Sequence[Outgoing]]]:
        works: list[Future[Sequence[Outgoing]]] = []
        for record in records:
            works.append(Future())
            works[-1].set_result((Outgoing(outbox, record.key or b"", record.value),))
        return works

    spec = StreamSpec("stage", group or inbox, (inbox,), max_in_flight=16)
    return Stream(settings, spec, copy, StreamMetrics(Registry(), "stage"))


class Dying:
    """A member that does nothing any more once it is asked to give partitions back; a context manager."""

    def __init__(self, settings: "KafkaSettings", inbox: str) -> None:
        self.has_partitions = self.is_asked_for_some = False
        self._over = threading.Event()
        self._consumer = group_consumer(settings, inbox)
        self._consumer.subscribe([inbox], on_assign=self._gained, on_revoke=self._asked)
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def _live(self) -> None:
        while not self._over.is_set():
            self._consumer.poll(0.1)
        self._consumer.close()

    def _gained(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign(partitions)
        self.has_partitions = True

    def _asked(self, *_: object) -> None:
        self.is_asked_for_some = True
        self._over.wait(60.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(20.0)


@pytest.mark.parametrize("group_protocol", ["classic", "consumer"])
def test_a_spare_member_without_partitions_has_joined(
    group_protocol: str,
    kafka: "KafkaTools",
    running: "Callable[[Stream], RunningStream]",
    eventually: Callable[..., None],
) -> None:
    settings = kafka.settings.model_copy(update={"group_protocol": group_protocol})
    inbox = kafka.new_topic(1)
    streams = [a_copying_stream(settings, inbox, inbox + "-out") for _ in range(2)]
    assert not any(stream.joined for stream in streams)

    for stream in streams:
        running(stream)

    for stream in streams:
        eventually(lambda stream=stream: None if stream.joined else "not joined", 15.0)


def test_an_idle_pipeline_has_no_lag_though_markers_and_aborted_records_end_its_topic(
    kafka: "KafkaTools",
    running: "Callable[[Stream], RunningStream]",
    census: "Callable[..., Census]",
    eventually: Callable[..., None],
) -> None:
    inbox, outbox = kafka.new_topic(2), kafka.new_topic(2)
    producer = transactional_producer(kafka.settings, f"{inbox}-writer")
    producer.init_transactions(20)
    for keys, commits in ((["a", "b", "c"], True), (["d", "e"], False)):
        producer.begin_transaction()
        for key in keys:
            producer.produce(inbox, b"x", key=key.encode())
        producer.flush(10)
        (producer.commit_transaction if commits else producer.abort_transaction)(10)
    stream = a_copying_stream(kafka.settings, inbox, outbox)

    running(stream)

    reader = census(kafka.bootstrap, [outbox], key_of)
    eventually(reader.exactly_once(["a", "b", "c"]))
    eventually(kafka.no_lag(inbox, inbox), 10.0)
    eventually(lambda: f"it says {stream.lag}" if stream.lag else None, 5.0)
    assert reader.exactly_once(["a", "b", "c"])() is None


def test_a_stream_stops_with_an_alarm_when_the_next_record_is_gone(
    kafka: "KafkaTools", running: "Callable[[Stream], RunningStream]", eventually: Callable[..., None]
) -> None:
    inbox = kafka.new_topic(1)
    kafka.publish(inbox, [f"key-{number}" for number in range(10)])
    other = reader(kafka.settings, inbox)
    other.commit(offsets=[TopicPartition(inbox, 0, 3)], asynchronous=False)
    other.close()
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    [deleted] = admin.delete_records([TopicPartition(inbox, 0, 7)]).values()
    assert deleted.result(20).low_watermark == 7

    stream = running(a_copying_stream(kafka.settings, inbox, inbox + "-out"))

    eventually(lambda: None if stream.error else "it goes on")
    assert isinstance(stream.error, WorkLostError)
    assert "kafka-consumer-groups --reset-offsets" in str(stream.error)


def test_a_new_group_starts_at_the_first_record_that_is_kept(
    kafka: "KafkaTools",
    running: "Callable[[Stream], RunningStream]",
    census: "Callable[..., Census]",
    eventually: Callable[..., None],
) -> None:
    inbox, outbox = kafka.new_topic(1), kafka.new_topic(1)
    kafka.publish(inbox, ["a", "b", "c"])
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    [deleted] = admin.delete_records([TopicPartition(inbox, 0, 1)]).values()
    deleted.result(20)

    running(a_copying_stream(kafka.settings, inbox, outbox))

    eventually(census(kafka.bootstrap, [outbox], key_of).exactly_once(["b", "c"]))


def test_an_idle_stream_whose_slot_was_taken_ends_as_fenced(
    kafka: "KafkaTools", running: "Callable[[Stream], RunningStream]", eventually: Callable[..., None]
) -> None:
    settings = kafka.settings.model_copy(update={"slot": "0"})
    inbox = kafka.new_topic(1)
    first = running(a_copying_stream(settings, inbox, inbox + "-out"))
    eventually(lambda: None if first.stream.joined else "not joined")

    second = running(a_copying_stream(settings, inbox, inbox + "-out"))

    eventually(lambda: None if first.error else "the first goes on")
    assert isinstance(first.error, FencedError)
    assert second.error is None


@pytest.mark.parametrize("group_protocol", ["classic", "consumer"])
def test_a_stream_whose_transactional_id_was_taken_ends_as_fenced_and_its_outputs_do_not_count(
    group_protocol: str,
    kafka: "KafkaTools",
    running: "Callable[[Stream], RunningStream]",
    census: "Callable[..., Census]",
    eventually: Callable[..., None],
) -> None:
    settings = kafka.settings.model_copy(update={"slot": "0", "group_protocol": group_protocol})
    inbox, outbox = kafka.new_topic(1), kafka.new_topic(1)
    stream = running(a_copying_stream(settings, inbox, outbox))
    reader = census(kafka.bootstrap, [outbox], key_of)
    kafka.publish(inbox, ["before"])
    eventually(reader.exactly_once(["before"]))

    transactional_producer(settings, f"{inbox}-0").init_transactions(20)
    kafka.publish(inbox, ["after"])

    eventually(lambda: None if stream.error else "it goes on")
    assert isinstance(stream.error, FencedError)
    assert reader.exactly_once(["before"])() is None


def test_a_stream_waits_for_the_open_transaction_of_a_dead_member_before_it_takes_its_partition(
    kafka: "KafkaTools",
    running: "Callable[[Stream], RunningStream]",
    census: "Callable[..., Census]",
    eventually: Callable[..., None],
) -> None:
    settings = kafka.settings.model_copy(update={"transaction_timeout_s": 6.0})
    inbox, outbox = kafka.new_topic(1), kafka.new_topic(1)
    kafka.publish(inbox, ["a", "b"])
    consumer = reader(settings, inbox)
    dead = transactional_producer(settings, f"{inbox}-dead")
    dead.init_transactions(20)
    dead.begin_transaction()
    dead.produce(outbox, b"x", key=b"a")
    dead.flush(10)
    dead.send_offsets_to_transaction([TopicPartition(inbox, 0, 1)], consumer.consumer_group_metadata(), 10)
    consumer.close()
    began = time.monotonic()

    stream = running(a_copying_stream(kafka.settings, inbox, outbox))

    eventually(
        census(kafka.bootstrap, [outbox], key_of).exactly_once(["a", "b"]), 45.0, more=lambda: repr(stream.error)
    )
    assert stream.error is None
    assert time.monotonic() - began > 5.0  # it did have to wait


def test_partitions_whose_owner_dies_while_it_gives_them_back_find_an_owner(
    kafka: "KafkaTools",
    running: "Callable[[Stream], RunningStream]",
    census: "Callable[..., Census]",
    eventually: Callable[..., None],
) -> None:
    of_slot = [kafka.settings.model_copy(update={"slot": slot}) for slot in ("0", "1")]
    inbox, outbox = kafka.new_topic(4), kafka.new_topic(4)
    reader = census(kafka.bootstrap, [outbox], key_of)

    with Dying(of_slot[0], inbox) as dying:
        eventually(lambda: None if dying.has_partitions else "no partitions")
        running(a_copying_stream(of_slot[1], inbox, outbox))
        eventually(lambda: None if dying.is_asked_for_some else "it may keep all")
        successor = running(a_copying_stream(of_slot[0], inbox, outbox))
        eventually(lambda: None if successor.stream.joined else "not joined")

    kafka.publish(inbox, keys := [f"key-{number}" for number in range(40)])
    eventually(reader.exactly_once(keys), 30.0)
    assert successor.error is None
