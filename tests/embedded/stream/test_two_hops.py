"""Two stages on the embedded broker, which keeps 5 MB a partition: the backlog limit is what saves their work."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from shared.kafka.backlog import BacklogLimit
from shared.kafka.clients import plain_producer
from shared.kafka.following import following
from shared.kafka.records import Outgoing, Record
from shared.kafka.spec import StreamSpec
from shared.kafka.stream import Stream
from shared.metrics.exposition import Registry
from shared.metrics.stream import StreamMetrics
from shared.settings.kafka import KafkaSettings

N_RECORDS = 60
FEATURES = b"x" * 360_000  # the size of a features event: 14 of them fill a partition
LIMIT = 9
SLOW_S = 0.03
TOPICS = {"inbox": 2, "middle": 1, "outbox": 2}


@dataclass
class Pipeline:
    """Two stages in threads of this process."""

    settings: KafkaSettings
    limit: int | None
    stop: threading.Event = field(default_factory=threading.Event)
    errors: list[BaseException] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(2))

    def start(self) -> None:
        limit = self.limit and BacklogLimit(self.settings, topic="middle", group="second", limit=self.limit)
        self._run("first", "inbox", 32, self._extract, limit or None)
        self._run("second", "middle", 1, self._classify, None)

    def _run(
        self,
        name: str,
        inbox: str,
        n_in_flight: int,
        start: Callable[[Sequence[Record]], Sequence[Future[Sequence[Outgoing]]]],
        limit: BacklogLimit | None,
    ) -> None:
        spec = StreamSpec(name, name, (inbox,), n_in_flight)
        stream = Stream(self.settings, spec, start, StreamMetrics(Registry(), name), limit)

        def run() -> None:
            try:
                stream.run(self.stop)
            except BaseException as error:  # noqa: BLE001 - kept for the test to look at
                self.errors.append(error)

        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    def _extract(self, records: Sequence[Record]) -> list[Future[Sequence[Outgoing]]]:
        def extract(record: Record) -> Sequence[Outgoing]:
            return (Outgoing("middle", record.key or b"", FEATURES),)

        return [self._pool.submit(extract, record) for record in records]

    def _classify(self, records: Sequence[Record]) -> list[Future[Sequence[Outgoing]]]:
        def classify(record: Record) -> Sequence[Outgoing]:
            time.sleep(SLOW_S)
            return (Outgoing("outbox", record.key or b"", b"label"),)

        return [self._pool.submit(classify, record) for record in records]

    def end(self) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(20)
        self._pool.shutdown()
        assert not any(thread.is_alive() for thread in self._threads)


@pytest.fixture
def pipeline(mock_bootstrap: Callable[[Mapping[str, int]], str]) -> Iterator[Callable[[int | None], Pipeline]]:
    """Starts the two stages with this limit, over an inbox that holds all records."""
    started: list[Pipeline] = []

    def start(limit: int | None) -> Pipeline:
        settings = KafkaSettings(bootstrap_servers=mock_bootstrap(TOPICS), embedded=True)
        producer = plain_producer(settings)
        for number in range(N_RECORDS):
            producer.produce("inbox", b"x", key=f"key-{number}".encode())
        assert producer.flush(10) == 0
        started.append(Pipeline(settings, limit))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.end()


def keys_out(settings: KafkaSettings) -> list[str]:
    with following(settings, ["outbox"], from_start=True) as follower:
        return [record.key_text for record in follower.to_the_end()]


def lag(settings: KafkaSettings, group: str, topic: str) -> int:
    watcher = BacklogLimit(settings, topic=topic, group=group, limit=2)
    watcher.look()
    watcher.close()
    return sum(watcher.backlog().values())


def test_all_records_come_out_once_and_the_backlog_never_exceeds_its_limit(
    pipeline: Callable[[int | None], Pipeline],
) -> None:
    running = pipeline(LIMIT)
    watcher = BacklogLimit(running.settings, topic="middle", group="second", limit=LIMIT)
    highest = 0
    out: list[str] = []
    deadline = time.monotonic() + 40

    while len(out) < N_RECORDS and not running.errors and time.monotonic() < deadline:
        watcher.look()
        highest = max(highest, *watcher.backlog().values())
        out = keys_out(running.settings) if watcher.backlog() == {0: 0} else out
        time.sleep(0.02)
    watcher.close()

    assert sorted(out) == sorted(f"key-{number}" for number in range(N_RECORDS))
    assert running.errors == []
    assert LIMIT // 2 < highest <= LIMIT  # it was used, and it held


def test_records_are_lost_without_the_limit(pipeline: Callable[[int | None], Pipeline]) -> None:
    running = pipeline(None)
    deadline = time.monotonic() + 20

    while not running.errors and time.monotonic() < deadline:
        if lag(running.settings, "first", "inbox") == lag(running.settings, "second", "middle") == 0:
            break
        time.sleep(0.1)

    # The test above is not vacuous: work was overwritten, and the loop says so or has less to show.
    assert running.errors or len(keys_out(running.settings)) < N_RECORDS


def test_an_idle_pipeline_on_the_embedded_broker_has_no_lag(pipeline: Callable[[int | None], Pipeline]) -> None:
    running = pipeline(LIMIT)
    deadline = time.monotonic() + 40

    def lags() -> tuple[int, int]:
        return lag(running.settings, "first", "inbox"), lag(running.settings, "second", "middle")

    while (found := (*lags(), len(keys_out(running.settings)))) != (0, 0, N_RECORDS) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert found == (0, 0, N_RECORDS)


def test_a_group_s_offsets_are_kept_on_the_embedded_broker_over_a_restart_of_its_only_member(
    pipeline: Callable[[int | None], Pipeline],
) -> None:
    running = pipeline(LIMIT)
    deadline = time.monotonic() + 40
    while len(keys_out(running.settings)) < N_RECORDS and time.monotonic() < deadline:
        time.sleep(0.1)
    running.end()

    successor = Pipeline(running.settings, LIMIT)
    successor.start()
    time.sleep(1.5)
    successor.end()

    assert len(keys_out(running.settings)) == N_RECORDS
