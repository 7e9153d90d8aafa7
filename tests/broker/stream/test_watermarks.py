"""Where partitions begin and end, beside what the client's own call says of each."""

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from shared.kafka.clients import reader, transactional_producer
from shared.kafka.watermarks import watermarks

if TYPE_CHECKING:
    from tests.broker.conftest import KafkaTools

pytestmark = pytest.mark.broker

N_WRITTEN, N_REMOVED, N_OPEN = 5, 2, 3
WITHIN_S = 10.0


@pytest.fixture
def partitions(kafka: "KafkaTools") -> list[TopicPartition]:
    """One that lost its first records, one that has only an open transaction, one that is empty."""
    topic = kafka.new_topic(3)
    bootstrap: dict[str, str | int | float | bool] = {"bootstrap.servers": kafka.settings.bootstrap_servers}
    producer = Producer(bootstrap)
    for _ in range(N_WRITTEN):
        producer.produce(topic, b"x", partition=0)
    assert producer.flush(WITHIN_S) == 0
    admin = AdminClient(bootstrap)
    for removed in admin.delete_records([TopicPartition(topic, 0, N_REMOVED)]).values():
        removed.result(WITHIN_S)
    writing = transactional_producer(kafka.settings, f"open-{topic}")
    writing.init_transactions(WITHIN_S)
    writing.begin_transaction()
    for _ in range(N_OPEN):
        writing.produce(topic, b"x", partition=1)
    assert writing.flush(WITHIN_S) == 0
    return [TopicPartition(topic, partition) for partition in range(3)]


@pytest.mark.parametrize(("isolation", "end_of_open"), [("read_committed", 0), ("read_uncommitted", N_OPEN)])
def test_watermarks_of_all_partitions_are_those_that_the_client_has_of_each(
    kafka: "KafkaTools", partitions: list[TopicPartition], isolation: str, end_of_open: int
) -> None:
    with closing(reader(kafka.settings, "watermarks", isolation=isolation)) as consumer:
        in_any_order = [partitions[i] for i in (2, 0, 1)]

        found = watermarks(consumer, in_any_order, timeout_s=WITHIN_S)

        assert found == [(0, 0), (N_REMOVED, N_WRITTEN), (0, end_of_open)]
        assert found == [consumer.get_watermark_offsets(one, timeout=WITHIN_S) for one in in_any_order]


def test_watermarks_of_a_partition_that_is_not_there_are_an_error(
    kafka: "KafkaTools", partitions: list[TopicPartition]
) -> None:
    with closing(reader(kafka.settings, "watermarks")) as consumer, pytest.raises(KafkaException):
        watermarks(consumer, [partitions[0], TopicPartition(partitions[0].topic, 9)], timeout_s=WITHIN_S)


def test_watermarks_of_nothing_are_none(kafka: "KafkaTools") -> None:
    with closing(reader(kafka.settings, "watermarks")) as consumer:
        assert watermarks(consumer, [], timeout_s=WITHIN_S) == []
