import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from shared.kafka.mock_cluster import MockCluster, MockClusterError

OTHER_PROCESS = """
import sys
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": sys.argv[1], "transactional.id": "other-process"})
producer.init_transactions(10)
producer.begin_transaction()
for i in range(20):
    producer.produce("tracks", str(i).encode(), key=str(i).encode())
producer.commit_transaction(10)
"""


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    with MockCluster({"tracks": 6}) as running:
        yield running


def a_consumer(bootstrap: str, group: str) -> Consumer:
    settings = {"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest"}
    return Consumer({**settings, "enable.auto.commit": False, "isolation.level": "read_committed", "log_level": 0})


def taken(consumer: Consumer, count: int, within_s: float = 10.0) -> list[bytes | None]:
    values: list[bytes | None] = []
    deadline = time.monotonic() + within_s
    while len(values) < count and time.monotonic() < deadline:
        message = consumer.poll(0.05)
        if message is not None:
            assert message.error() is None
            values.append(message.value())
    return values


def n_partitions(bootstrap: str, topic: str) -> int:
    return len(Producer({"bootstrap.servers": bootstrap}).list_topics(topic, timeout=5).topics[topic].partitions)


def test_mock_cluster_serves_a_transaction_of_another_process(cluster: MockCluster) -> None:
    consumer = a_consumer(cluster.bootstrap_servers, "readers")
    try:
        consumer.subscribe(["tracks"])
        command = [sys.executable, "-c", OTHER_PROCESS, cluster.bootstrap_servers]
        subprocess.run(command, check=True, timeout=30)

        values = taken(consumer, 20)

        assert sorted(values, key=lambda value: int(value or b"-1")) == [str(i).encode() for i in range(20)]
        assert len(consumer.assignment()) == 6
    finally:
        consumer.close()


def test_mock_cluster_keeps_offsets_that_were_committed_plainly(cluster: MockCluster) -> None:
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    producer.produce("tracks", b"x", partition=0)
    assert producer.flush(10) == 0
    writer, reader = (a_consumer(cluster.bootstrap_servers, "readers") for _ in range(2))
    try:
        writer.commit(offsets=[TopicPartition("tracks", 0, 1)], asynchronous=False)

        [committed] = reader.committed([TopicPartition("tracks", 0)], timeout=5)

        assert committed.offset == 1
        assert reader.get_watermark_offsets(committed, timeout=5) == (0, 1)
    finally:
        writer.close()
        reader.close()


def test_mock_cluster_forms_a_group_at_once(cluster: MockCluster) -> None:
    consumer = a_consumer(cluster.bootstrap_servers, "readers")
    try:
        began = time.monotonic()
        consumer.subscribe(["tracks"])
        while not consumer.assignment() and time.monotonic() < began + 10:
            consumer.poll(0.02)

        assert time.monotonic() - began < 2.0  # 0.1 s; with librdkafka's default delay 3.1 s
    finally:
        consumer.close()


def test_mock_cluster_leaves_a_topic_as_it_is_when_it_is_created_again(cluster: MockCluster) -> None:
    cluster.create_topic("labels", 2)
    cluster.create_topic("labels", 9)

    assert n_partitions(cluster.bootstrap_servers, "labels") == 2


def test_mock_cluster_makes_four_partitions_when_a_producer_asks_for_an_unknown_topic(cluster: MockCluster) -> None:
    assert n_partitions(cluster.bootstrap_servers, "unheard-of") == 4


def test_mock_cluster_can_be_stopped_twice_and_makes_no_topics_then() -> None:
    cluster = MockCluster()
    cluster.stop()
    cluster.stop()

    with pytest.raises(MockClusterError, match="was stopped"):
        cluster.create_topic("tracks", 1)


def test_mock_bootstrap_fixture_gives_a_cluster_of_its_own_to_each_call(
    mock_bootstrap: Callable[[Mapping[str, int]], str],
) -> None:
    assert mock_bootstrap({"tracks": 1}) != mock_bootstrap({"tracks": 1})
