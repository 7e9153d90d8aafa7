"""Reading stretches of a topic, on the embedded broker."""

import time
from collections.abc import Callable, Iterator, Mapping

import pytest
from confluent_kafka import Producer

from schemas.errors import UnreachableError
from schemas.origin import Coordinates
from shared.kafka import ranges
from shared.kafka.faults import AbandonedError
from shared.kafka.ranges import RangeReader
from shared.settings.kafka import KafkaSettings

TOPIC = "tracks"
N_RECORDS = 30


@pytest.fixture(scope="module")
def bootstrap(mock_bootstrap: Callable[[Mapping[str, int]], str]) -> str:
    """A broker with 30 numbered records in partition 1 of two."""
    address = mock_bootstrap({TOPIC: 2})
    producer = Producer({"bootstrap.servers": address})
    for i in range(N_RECORDS):
        producer.produce(TOPIC, str(i).encode(), partition=1)
    assert producer.flush(10) == 0
    return address


@pytest.fixture
def reader(bootstrap: str) -> Iterator[RangeReader]:
    opened = RangeReader(KafkaSettings(bootstrap_servers=bootstrap, embedded=True))
    yield opened
    opened.close()


def test_bounds_are_the_first_offset_and_the_one_behind_the_last(reader: RangeReader) -> None:
    assert reader.bounds(TOPIC) == {0: (0, 0), 1: (0, N_RECORDS)}


@pytest.mark.parametrize(("start", "end"), [(0, 30), (0, 1), (7, 12), (29, 30), (25, 1000)])
def test_between_is_every_record_from_start_to_before_end(reader: RangeReader, start: int, end: int) -> None:
    values = [int(record.value or b"-1") for record in reader.between(TOPIC, 1, start, end)]

    assert values == list(range(start, min(end, N_RECORDS)))


@pytest.mark.parametrize(("partition", "start", "end"), [(1, 5, 5), (1, 6, 5), (0, 0, 10)])
def test_between_is_nothing_where_nothing_is(reader: RangeReader, partition: int, start: int, end: int) -> None:
    assert list(reader.between(TOPIC, partition, start, end)) == []


def test_at_is_the_record_of_these_coordinates_in_any_order(reader: RangeReader) -> None:
    for offset in (20, 3, 4, 29, 0):
        record = reader.at(Coordinates(topic=TOPIC, partition=1, offset=offset))
        assert record
        assert (record.offset, record.value) == (offset, str(offset).encode())


@pytest.mark.parametrize("partition", [0, 1])
def test_at_is_none_where_there_is_no_such_record(reader: RangeReader, partition: int) -> None:
    began = time.monotonic()

    assert reader.at(Coordinates(topic=TOPIC, partition=partition, offset=N_RECORDS)) is None
    assert time.monotonic() - began < 5.0


def test_between_stops_when_asked_to(bootstrap: str) -> None:
    reader = RangeReader(KafkaSettings(bootstrap_servers=bootstrap, embedded=True), stopped=lambda: True)

    with pytest.raises(AbandonedError):
        list(reader.between(TOPIC, 1, 0, 10))
    reader.close()


def test_between_says_so_when_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "_SILENCE_S", 0.5)
    reader = RangeReader(KafkaSettings(bootstrap_servers="127.0.0.1:1", embedded=True))

    with pytest.raises(UnreachableError, match="NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS"):
        list(reader.between(TOPIC, 1, 0, 10))
    with pytest.raises(UnreachableError, match="NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS"):
        reader.bounds(TOPIC)
    reader.close()
