"""Our partitioner against the producer's, which does the same in C."""

import uuid
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Message

from shared.kafka.clients import plain_producer, transactional_producer
from shared.kafka.partitioner import partition_of

if TYPE_CHECKING:
    from tests.broker.conftest import KafkaTools

pytestmark = pytest.mark.broker

N_KEYS = 1000
N_PARTITIONS = 12


@pytest.mark.parametrize("is_transactional", [False, True], ids=["plain", "transactional"])
def test_partition_of_a_key_is_where_our_producers_put_it(kafka: "KafkaTools", *, is_transactional: bool) -> None:
    topic = kafka.new_topic(N_PARTITIONS)
    keys = [uuid.uuid5(uuid.NAMESPACE_OID, str(number)).bytes[: 1 + number % 16] for number in range(N_KEYS)]
    placed: dict[bytes, int | None] = {}

    def note(_error: object, message: Message) -> None:
        placed[message.key() or b""] = message.partition()

    producer = transactional_producer(kafka.settings, topic) if is_transactional else plain_producer(kafka.settings)
    if is_transactional:
        producer.init_transactions(20)
        producer.begin_transaction()
    for key in keys:
        producer.produce(topic, b"x", key=key, callback=note)
    assert producer.flush(20) == 0
    if is_transactional:
        producer.commit_transaction(20)

    assert placed == {key: partition_of(key, N_PARTITIONS) for key in keys}
    assert set(placed.values()) == set(range(N_PARTITIONS))
