"""librdkafka's own mock cluster, served over TCP to every process of this machine: a broker for demos and fast tests.

We call the C functions of the librdkafka that confluent_kafka brings, rather than set ``test.mock.num.brokers``: only
so can the number of partitions be chosen, and only so does a new group form in 0.1 s where it takes 3 s otherwise.

What it lacks: it keeps 5 MB a partition and nothing on disk, hides no aborted or open transaction, discards offsets
that are committed inside transactions, fences no zombie, ignores ``group.instance.id``, has no CreateTopics, and any
rebalance after a group's first takes the members' session timeout less one second.
"""

import ctypes
from collections.abc import Mapping
from typing import Self

from confluent_kafka import cimpl

_TOPIC_ALREADY_EXISTS = 36  # of Kafka's protocol
_RD_KAFKA_PRODUCER = 0
_RD_KAFKA_CONF_OK = 0
_ERROR_BYTES = 512


class MockClusterError(RuntimeError):
    """librdkafka refused a call of ours."""


class _Librdkafka:
    """The dozen C functions we use, from the very library that confluent_kafka runs on.

    Source: src/rdkafka.h and src/rdkafka_mock.h of librdkafka 2.16.
    """

    def __init__(self) -> None:
        # Symbols of a library's dependencies are found through the library itself: wherever the wheel keeps librdkafka.
        library = ctypes.CDLL(cimpl.__file__)
        pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
        self.conf_new = library.rd_kafka_conf_new
        self.conf_new.restype, self.conf_new.argtypes = pointer, ()
        self.conf_set = library.rd_kafka_conf_set
        self.conf_set.restype, self.conf_set.argtypes = number, (pointer, text, text, text, ctypes.c_size_t)
        self.new = library.rd_kafka_new
        self.new.restype, self.new.argtypes = pointer, (number, pointer, text, ctypes.c_size_t)
        self.destroy = library.rd_kafka_destroy
        self.destroy.restype, self.destroy.argtypes = None, (pointer,)
        self.cluster_new = library.rd_kafka_mock_cluster_new
        self.cluster_new.restype, self.cluster_new.argtypes = pointer, (pointer, number)
        self.cluster_destroy = library.rd_kafka_mock_cluster_destroy
        self.cluster_destroy.restype, self.cluster_destroy.argtypes = None, (pointer,)
        self.bootstraps = library.rd_kafka_mock_cluster_bootstraps
        self.bootstraps.restype, self.bootstraps.argtypes = text, (pointer,)
        self.topic_create = library.rd_kafka_mock_topic_create
        self.topic_create.restype, self.topic_create.argtypes = number, (pointer, text, number, number)
        self.set_rebalance_delay_ms = library.rd_kafka_mock_group_initial_rebalance_delay_ms
        self.set_rebalance_delay_ms.restype, self.set_rebalance_delay_ms.argtypes = None, (pointer, ctypes.c_int32)


class MockCluster:
    """A one-broker mock cluster inside this process, up from construction to ``stop``; a context manager.

    Args:
        topics: names and numbers of partitions to create at once. Any other topic is created with 4 partitions when a
            producer first asks for it; a consumer that asks first gets an error.
    Raises: MockClusterError.
    """

    def __init__(self, topics: Mapping[str, int] | None = None) -> None:
        self._library = _Librdkafka()
        error = ctypes.create_string_buffer(_ERROR_BYTES)
        conf = self._library.conf_new()
        # Quiet: it warns that this client, which only carries the cluster, has no bootstrap.servers.
        if self._library.conf_set(conf, b"log_level", b"3", error, _ERROR_BYTES) != _RD_KAFKA_CONF_OK:
            raise MockClusterError(f"librdkafka: {error.value.decode()}")
        self._client = self._library.new(_RD_KAFKA_PRODUCER, conf, error, _ERROR_BYTES)
        if not self._client:
            raise MockClusterError(f"librdkafka: {error.value.decode()}")
        self._cluster = self._library.cluster_new(self._client, 1)
        if not self._cluster:
            self._library.destroy(self._client)
            raise MockClusterError("librdkafka could not start a mock cluster: is there a free port on 127.0.0.1?")
        self._library.set_rebalance_delay_ms(self._cluster, 0)
        self.bootstrap_servers: str = self._library.bootstraps(self._cluster).decode()
        for name, n_partitions in (topics or {}).items():
            self.create_topic(name, n_partitions)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def create_topic(self, name: str, n_partitions: int) -> None:
        """Create a topic; one that exists stays as it is.

        Raises: MockClusterError, for a cluster that was stopped or a topic that librdkafka refuses.
        """
        if not self._cluster:
            raise MockClusterError("this mock cluster was stopped")
        code = self._library.topic_create(self._cluster, name.encode(), n_partitions, 1)
        if code not in (0, _TOPIC_ALREADY_EXISTS):
            raise MockClusterError(f"librdkafka refused topic {name} with {n_partitions} partitions: error {code}")

    def stop(self) -> None:
        """End it; everything in it is gone. Harmless the second time."""
        if self._cluster:
            self._library.cluster_destroy(self._cluster)
            self._library.destroy(self._client)
            self._cluster = self._client = None
