"""The loop over a client that is scripted to the call: races that a real broker shows once in a thousand rebalances."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from shared.kafka import stream as stream_module
from shared.kafka.faults import FencedError
from shared.kafka.records import Outgoing, Record
from shared.kafka.spec import StreamSpec
from shared.kafka.stream import Stream
from shared.metrics.exposition import Registry
from shared.metrics.stream import StreamMetrics
from shared.settings.kafka import KafkaSettings

INBOX = "inbox"


class ScriptedMessage:
    def __init__(self, offset: int, partition: int = 0) -> None:
        self._offset, self._partition = offset, partition

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return INBOX

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 1, 0

    def key(self) -> bytes:
        return b"key"

    def value(self) -> bytes:
        return b"value"

    def headers(self) -> None:
        return None


Step = ScriptedMessage | Callable[["ScriptedConsumer"], None] | None


class ScriptedConsumer:
    """Answers each poll with the next step: a message, nothing, or something that happens in a callback."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = list(steps)
        self.positions: dict[int, int] = {}
        self.commits: list[tuple[int, int]] = []
        self.ended = threading.Event()

    def subscribe(self, _topics: list[str], *, on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        self._on_assign, self._on_revoke, self._on_lost = on_assign, on_revoke, on_lost

    def poll(self, _timeout_s: float) -> ScriptedMessage | None:
        if not self._steps:
            self.ended.set()
            return None
        step = self._steps.pop(0)
        if isinstance(step, ScriptedMessage):
            self.positions[step.partition()] = step.offset() + 1
            return step
        if step is not None:
            step(self)
        return None

    def gain(self, *partitions: int) -> None:
        self._on_assign(self, [TopicPartition(INBOX, partition) for partition in partitions])

    def give_back(self, *partitions: int) -> None:
        self._on_revoke(self, [TopicPartition(INBOX, partition) for partition in partitions])

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [TopicPartition(one.topic, one.partition, 0) for one in partitions]

    def position(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        return [TopicPartition(one.topic, one.partition, self.positions[one.partition]) for one in partitions]

    def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> None:
        self.commits += [(one.partition, one.offset) for one in offsets]

    def get_watermark_offsets(self, _partition: TopicPartition, *, cached: bool) -> tuple[int, int]:
        return 0, 100

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self.positions |= {one.partition: one.offset for one in partitions}

    def incremental_unassign(self, _partitions: list[TopicPartition]) -> None: ...

    def pause(self, _partitions: list[TopicPartition]) -> None: ...

    def resume(self, _partitions: list[TopicPartition]) -> None: ...

    def close(self) -> None: ...


class Work:
    """The work that the loop has started, by partition and offset; ended by hand."""

    def __init__(self) -> None:
        self.of: dict[tuple[int, int], Future[Sequence[Outgoing]]] = {}

    def start(self, records: Sequence[Record]) -> Sequence[Future[Sequence[Outgoing]]]:
        works: list[Future[Sequence[Outgoing]]] = [Future() for _ in records]
        self.of |= {(record.partition, record.offset): work for record, work in zip(records, works, strict=True)}
        return works

    def end(self, partition: int, offset: int) -> None:
        self.of[partition, offset].set_result(())


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[Step], Work], ScriptedConsumer]:
    """Runs a stream without outputs over a script, to the end of it."""

    def runs(steps: Sequence[Step], work: Work) -> ScriptedConsumer:
        consumer = ScriptedConsumer(steps)
        monkeypatch.setattr(stream_module, "group_consumer", lambda *_: consumer)
        monkeypatch.setattr(stream_module, "_DRAIN_S", 0.0)
        spec = StreamSpec("stage", "group", (INBOX,), max_in_flight=8, writes=False)
        Stream(KafkaSettings(), spec, work.start, StreamMetrics(Registry(), "stage")).run(consumer.ended)
        return consumer

    return runs


def test_stream_commits_no_record_that_was_only_polled_when_its_partition_is_given_back(
    run: Callable[[Sequence[Step], Work], ScriptedConsumer],
) -> None:
    work = Work()

    def give_back_after_the_first_is_done(consumer: ScriptedConsumer) -> None:
        work.end(0, 0)
        consumer.give_back(0)

    consumer = run(
        [
            lambda client: client.gain(0),
            ScriptedMessage(0),
            None,  # the first record is begun
            ScriptedMessage(1),  # polled, and before it is begun ...
            give_back_after_the_first_is_done,
        ],
        work,
    )

    assert consumer.commits == [(0, 1)]
    assert list(work.of) == [(0, 0)]


def test_stream_begins_a_record_once_when_its_partition_comes_back_within_one_take(
    run: Callable[[Sequence[Step], Work], ScriptedConsumer],
) -> None:
    work = Work()

    def give_back_and_gain(consumer: ScriptedConsumer) -> None:
        consumer.give_back(0)
        consumer.gain(0)

    run([lambda client: client.gain(0), ScriptedMessage(0), give_back_and_gain, ScriptedMessage(0), None], work)

    assert list(work.of) == [(0, 0)]


def test_stream_keeps_the_other_partition_s_records_when_one_is_given_back_within_a_take(
    run: Callable[[Sequence[Step], Work], ScriptedConsumer],
) -> None:
    work = Work()

    run(
        [
            lambda client: client.gain(0, 1),
            ScriptedMessage(0, partition=0),
            ScriptedMessage(0, partition=1),
            lambda client: client.give_back(0),
            None,
        ],
        work,
    )

    assert list(work.of) == [(1, 0)]


def test_stream_commits_the_position_behind_markers_once_nothing_is_in_flight(
    run: Callable[[Sequence[Step], Work], ScriptedConsumer],
) -> None:
    work = Work()

    def end_behind_a_marker(consumer: ScriptedConsumer) -> None:
        consumer.positions[0] = 2
        work.end(0, 0)

    consumer = run([lambda client: client.gain(0), ScriptedMessage(0), None, end_behind_a_marker], work)

    assert consumer.commits == [(0, 2)]


def test_stream_commits_no_position_past_a_record_in_flight(
    run: Callable[[Sequence[Step], Work], ScriptedConsumer],
) -> None:
    work = Work()

    consumer = run(
        [
            lambda client: client.gain(0),
            ScriptedMessage(0),
            ScriptedMessage(1),
            None,
            lambda _: work.end(0, 1),
            None,
            lambda client: client.give_back(0),
        ],
        work,
    )

    assert consumer.commits == []


def test_stream_raises_what_escaped_a_handler(run: Callable[[Sequence[Step], Work], ScriptedConsumer]) -> None:
    work = Work()

    def break_down(_consumer: ScriptedConsumer) -> None:
        work.of[0, 0].set_exception(ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        run([lambda client: client.gain(0), ScriptedMessage(0), None, break_down, None], work)


def test_stream_has_no_lag_series_of_a_partition_that_was_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry()
    seen: list[float | None] = []

    def lag() -> float | None:
        labels = {"stage": "stage", "topic": INBOX, "partition": "0"}
        return registry.get_sample_value("needledrop_stream_consumer_lag", labels)

    consumer = ScriptedConsumer(
        [
            lambda client: client.gain(0),
            lambda _: seen.append(lag()),
            lambda client: client.give_back(0),
            lambda _: seen.append(lag()),
        ]
    )
    monkeypatch.setattr(stream_module, "group_consumer", lambda *_: consumer)
    spec = StreamSpec("stage", "group", (INBOX,), max_in_flight=8, writes=False)

    Stream(KafkaSettings(), spec, Work().start, StreamMetrics(registry, "stage", topics=(INBOX,))).run(consumer.ended)

    assert seen == [100.0, None]


def test_stream_that_was_fenced_counts_that(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry()

    def fenced(_: ScriptedConsumer) -> None:
        raise FencedError("another worker has taken this one's slot")

    monkeypatch.setattr(stream_module, "group_consumer", lambda *_: ScriptedConsumer([fenced]))
    spec = StreamSpec("stage", "group", (INBOX,), max_in_flight=8, writes=False)

    with pytest.raises(FencedError):
        Stream(KafkaSettings(), spec, Work().start, StreamMetrics(registry, "stage")).run(threading.Event())

    labels = {"stage": "stage", "cause": "fenced"}
    assert registry.get_sample_value("needledrop_stream_stops_total", labels) == 1
