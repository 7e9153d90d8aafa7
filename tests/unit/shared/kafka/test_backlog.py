from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, KafkaException, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from shared.kafka import backlog as backlog_module
from shared.kafka.backlog import BacklogLimit
from shared.kafka.partitioner import partition_of
from shared.kafka.records import Outgoing
from shared.settings.kafka import KafkaSettings

OUTBOX = "features"
N_PARTITIONS = 3
LIMIT = 9


@dataclass
class ManualClock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class InMemoryGroup:
    """What a broker would say about the next stage's group."""

    committed_offsets: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(N_PARTITIONS), 0))
    ends: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(N_PARTITIONS), 0))
    starts: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(N_PARTITIONS), 0))
    is_away: bool = False
    n_partitions: int = N_PARTITIONS
    n_looks: int = 0

    def list_topics(self, topic: str, timeout: float) -> SimpleNamespace:
        self._answer()
        return SimpleNamespace(topics={topic: SimpleNamespace(partitions=dict.fromkeys(range(self.n_partitions)))})

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        self._answer()
        self.n_looks += 1
        if not partitions:
            raise KafkaException(KafkaError(KafkaError._INVALID_ARG))  # as the client does
        return [TopicPartition(one.topic, one.partition, self.committed_offsets[one.partition]) for one in partitions]

    def offsets_for_times(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        self._answer()
        marks = {OFFSET_BEGINNING: self.starts, OFFSET_END: self.ends}
        return [TopicPartition(one.topic, one.partition, marks[one.offset][one.partition]) for one in partitions]

    def _answer(self) -> None:
        if self.is_away:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))


@dataclass
class Watched:
    limit: BacklogLimit
    group: InMemoryGroup
    clock: ManualClock


def a_watched_limit(monkeypatch: pytest.MonkeyPatch, limit: int = LIMIT, *, together: bool = False) -> Watched:
    group, clock = InMemoryGroup(), ManualClock()
    monkeypatch.setattr(backlog_module, "reader", lambda *_, **__: group)
    watching = BacklogLimit(KafkaSettings(), topic=OUTBOX, group="next", limit=limit, together=together, clock=clock)
    return Watched(watching, group, clock)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return a_watched_limit(monkeypatch)


def outputs_to(partition: int, n: int = 1) -> Iterator[Outgoing]:
    keys = (f"key-{number}".encode() for number in range(1000))
    matching = (key for key in keys if partition_of(key, N_PARTITIONS) == partition)
    return (Outgoing(OUTBOX, next(matching), b"x") for _ in range(n))


def test_limit_charges_each_record_to_the_partition_of_its_key(watched: Watched) -> None:
    outputs = [*outputs_to(0, 2), *outputs_to(2, 1), Outgoing("failures", b"key", b"x")]

    assert watched.limit.charge(outputs) == Counter({0: 2, 2: 1})


@pytest.mark.parametrize(
    ("backlog", "n_records", "has_room"), [(6, 2, True), (7, 2, False), (8, 1, False), (0, 8, True)]
)
def test_limit_has_room_for_what_fits_together_with_its_marker(
    watched: Watched, backlog: int, n_records: int, has_room: bool
) -> None:
    watched.group.ends[1] = backlog

    assert watched.limit.has_room(watched.limit.charge(outputs_to(1, n_records))) == has_room


def test_limit_has_no_room_for_more_than_itself_at_once_even_in_an_empty_partition(watched: Watched) -> None:
    assert not watched.limit.has_room(watched.limit.charge(outputs_to(1, LIMIT)))


def test_limit_of_the_least_setting_lets_one_record_at_a_time_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = a_watched_limit(monkeypatch, limit=2)

    assert watched.limit.has_room(watched.limit.charge(outputs_to(1)))


def test_limit_watches_each_partition_by_itself(watched: Watched) -> None:
    watched.group.ends[0] = LIMIT

    assert not watched.limit.has_room(Counter({0: 1}))
    assert watched.limit.has_room(Counter({1: 1}))
    assert not watched.limit.has_room(Counter({0: 1, 1: 1}))


def test_limit_of_all_partitions_together_lets_exactly_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = a_watched_limit(monkeypatch, together=True)
    watched.group.ends |= {0: 4, 2: LIMIT - 4 - 1}

    assert watched.limit.has_room(Counter({1: 1}))
    assert not watched.limit.has_room(Counter({1: 2}))
    assert not watched.limit.has_room(Counter({0: 1, 1: 1}))
    watched.limit.committed(Counter({1: 1}))  # without a marker: nobody submits in transactions
    assert watched.limit.backlog() == {0: 4, 1: 1, 2: LIMIT - 5}
    assert not watched.limit.has_room(Counter({1: 1}))


def test_limit_counts_what_was_committed_since_it_looked_and_each_transaction_s_marker(watched: Watched) -> None:
    watched.limit.look()

    for _ in range(4):
        assert watched.limit.has_room(Counter({1: 1}))
        watched.limit.committed(Counter({1: 1}))

    assert watched.limit.backlog() == {0: 0, 1: 8, 2: 0}
    assert not watched.limit.has_room(Counter({1: 1}))


def test_limit_does_not_count_twice_what_it_has_looked_at(watched: Watched) -> None:
    watched.limit.look()
    watched.limit.committed(Counter({1: 1}))
    watched.group.ends[1] = 2

    watched.limit.look()

    assert watched.limit.backlog()[1] == 2


def test_limit_takes_a_group_without_an_offset_to_be_at_the_start_of_what_is_kept(watched: Watched) -> None:
    watched.group.committed_offsets[1] = -1001
    watched.group.starts[1], watched.group.ends[1] = 100, 105

    watched.limit.look()

    assert watched.limit.backlog()[1] == 5


def test_limit_looks_again_after_20_ms_when_there_is_no_room_and_after_1_s_when_there_is(watched: Watched) -> None:
    watched.group.ends[1] = LIMIT
    full, free = Counter({1: 1}), Counter({0: 1})

    def n_looks_after(seconds: float, asked: Callable[[], object]) -> int:
        watched.clock.now_s += seconds
        before = watched.group.n_looks
        asked()
        return watched.group.n_looks - before

    assert n_looks_after(0.0, lambda: watched.limit.has_room(full)) == 1
    assert n_looks_after(0.019, lambda: watched.limit.has_room(full)) == 0
    assert n_looks_after(0.002, lambda: watched.limit.has_room(full)) == 1
    assert n_looks_after(0.9, lambda: watched.limit.has_room(free)) == 0
    assert n_looks_after(0.2, lambda: watched.limit.has_room(free)) == 1


def test_a_large_limit_is_looked_at_less_often_when_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = a_watched_limit(monkeypatch, limit=400)
    watched.group.ends[1] = 400
    assert not watched.limit.has_room(Counter({1: 1}))
    watched.group.ends[1] = 0

    watched.clock.now_s += 0.79
    assert not watched.limit.has_room(Counter({1: 1}))
    watched.clock.now_s += 0.02
    assert watched.limit.has_room(Counter({1: 1}))


def test_limit_keeps_what_it_saw_last_while_the_broker_is_away(watched: Watched) -> None:
    watched.group.ends[1] = LIMIT
    watched.limit.look()

    watched.group.is_away = True
    watched.clock.now_s += 60

    assert not watched.limit.has_room(Counter({1: 1}))
    assert watched.limit.has_room(Counter({0: 1}))


def test_limit_lets_nothing_pass_before_it_has_seen_anything(watched: Watched) -> None:
    watched.group.is_away = True

    assert not watched.limit.has_room(watched.limit.charge(outputs_to(1)))

    watched.group.is_away = False
    watched.clock.now_s += 1
    assert watched.limit.has_room(watched.limit.charge(outputs_to(1)))


def test_limit_does_not_hold_up_writing_to_a_topic_that_is_not_there(watched: Watched) -> None:
    watched.group.n_partitions = 0

    assert watched.limit.has_room(watched.limit.charge(outputs_to(1)))


@given(st.lists(st.tuples(st.integers(0, N_PARTITIONS - 1), st.integers(1, 4), st.integers(0, 6)), max_size=40))
def test_limit_holds_whatever_is_written_and_read(steps: list[tuple[int, int, int]]) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        watched = a_watched_limit(monkeypatch)
        group = watched.group
        for partition, n_records, n_read in steps:
            charge = Counter({partition: n_records})
            if watched.limit.has_room(charge):
                watched.limit.committed(charge)
                group.ends[partition] += n_records + 1
            group.committed_offsets[partition] = min(group.committed_offsets[partition] + n_read, group.ends[partition])
            watched.clock.now_s += 0.01

            assert max(group.ends[one] - group.committed_offsets[one] for one in range(N_PARTITIONS)) <= LIMIT
