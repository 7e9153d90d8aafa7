"""Services for tests that speak to the outside: a real Kafka, mock clusters, a Redis."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

# KIP-848's sessions are the broker's to set: 45 s by default, and tests wait for the end of a killed member's.
QUICK_SESSIONS = {
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.session.timeout.ms": "2000",
    "group.consumer.min.heartbeat.interval.ms": "200",
    "group.consumer.heartbeat.interval.ms": "500",
}


@pytest.fixture(scope="session")
def kafka_home() -> Path:
    """The unpacked Apache Kafka of KAFKA_HOME."""
    home = os.environ.get("KAFKA_HOME")
    if not home:
        pytest.skip("KAFKA_HOME names no unpacked Apache Kafka")
    return Path(home)


@pytest.fixture(scope="session")
def kafka_bootstrap(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real broker that all tests share, so their topics and groups need names of their own.

    That of NEEDLEDROP_TEST_BOOTSTRAP, else one that is started from KAFKA_HOME.
    """
    if bootstrap := os.environ.get("NEEDLEDROP_TEST_BOOTSTRAP"):
        yield bootstrap
        return
    if not os.environ.get("KAFKA_HOME"):
        pytest.skip("neither NEEDLEDROP_TEST_BOOTSTRAP nor KAFKA_HOME says where a real Kafka is")
    from shared.embedded.kafka_home import KafkaHome

    home, folder = request.getfixturevalue("kafka_home"), tmp_path_factory.mktemp("kafka")
    with KafkaHome(home, folder, properties=QUICK_SESSIONS) as kafka:
        yield kafka.bootstrap_servers


@pytest.fixture(scope="session")
def mock_bootstrap() -> Iterator[Callable[[Mapping[str, int]], str]]:
    """Starts a new, empty mock cluster at each call, with these topics (names and numbers of partitions)."""
    from shared.kafka.mock_cluster import MockCluster

    with ExitStack() as clusters:

        def start(topics: Mapping[str, int]) -> str:
            return clusters.enter_context(MockCluster(topics)).bootstrap_servers

        yield start


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis that all tests share and that forgets at the end: a test flushes it or uses keys of its own."""
    from shared.embedded.redis_server import RedisServer

    with RedisServer(tmp_path_factory.mktemp("redis"), is_durable=False) as redis:
        yield redis.url
