"""The benchmarks' running pipeline."""

import time

from confluent_kafka import Producer

from benchmarks.pipeline import Pipeline
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.kafka.following import following
from shared.kafka.mock_cluster import MockCluster
from shared.settings.kafka import KafkaSettings
from workers.cli.stack import Stack

_N_PARTITIONS = 4


def test_all_labels_that_have_come_are_counted_though_the_ends_of_partitions_come_between_them() -> None:
    with MockCluster(dict.fromkeys((TRACKS_LABELED.name, TRACKS_FAILED.name), _N_PARTITIONS)) as cluster:
        kafka = KafkaSettings(bootstrap_servers=cluster.bootstrap_servers, embedded=True)
        stack = Stack(0, cluster.bootstrap_servers, "", {}, embedded=True, trends_port=0, catalog_port=0)
        producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
        with following(kafka, [TRACKS_LABELED.name, TRACKS_FAILED.name], from_start=True) as follower:
            n_labeled = Pipeline(stack, kafka, follower).counting()
            assert n_labeled() == 0
            for index in range(20):
                producer.produce(TRACKS_LABELED.name, b"{}", partition=index % _N_PARTITIONS)
            assert producer.flush(10.0) == 0
            time.sleep(1.0)  # the client has them, and its place at the end of each partition

            assert n_labeled() == 20
            assert n_labeled() == 20
