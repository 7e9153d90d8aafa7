import pytest
from aiokafka.partitioner import murmur2 as murmur2_of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from shared.kafka.partitioner import murmur2, partition_of

# From Apache Kafka's own org.apache.kafka.common.utils.UtilsTest.testMurmur2 (signed 32 bit there).
PUBLISHED = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("data", "signed"), PUBLISHED.items())
def test_murmur2_equals_the_value_published_by_apache_kafka(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed % 2**32


@given(st.binary(max_size=64))
def test_murmur2_equals_aiokafka_for_any_bytes(data: bytes) -> None:
    assert murmur2(data) == murmur2_of_aiokafka(data) % 2**32


def test_partition_of_a_key_with_a_negative_hash_is_that_of_the_java_client() -> None:
    # Utils.toPositive masks the sign bit; it does not negate.
    assert partition_of(b"21", 1000) == (2**31 - 973932308) % 1000 == 340


@given(st.binary(max_size=32), st.integers(1, 1000))
def test_partition_of_any_key_is_one_of_the_topics(key: bytes, n_partitions: int) -> None:
    assert 0 <= partition_of(key, n_partitions) < n_partitions
