"""Conditional submissions against a real Redis and the embedded broker, without the rest of the extractor."""

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.errors import SupersededError
from schemas.events import TrackSubmitted
from shared.embedded.redis_server import RedisServer
from shared.kafka.faults import AbandonedError
from shared.kafka.ranges import RangeReader
from shared.kafka.records import Record
from shared.redis.newest import NewestSubmissions
from shared.settings.kafka import KafkaSettings
from shared.settings.redis import RedisSettings
from workers.extractor.conditions import Conditions

WITHIN_S = 15.0


class Flow:
    """A submissions topic with one partition, whose records a worker takes."""

    def __init__(self, bootstrap: str) -> None:
        self.topic = f"tracks-{uuid.uuid4().hex}"
        self.kafka = KafkaSettings(bootstrap_servers=bootstrap, embedded=True)
        self._producer = Producer({"bootstrap.servers": bootstrap})
        self._n_taken = 0

    def submit(self, track_id: str, submission_id: str, replay_of: str | None = None) -> TrackSubmitted:
        event = TrackSubmitted(
            track_id=track_id,
            uri="file:///a.ogg",
            submission_id=submission_id,
            submitted_at=datetime.now(UTC),
            replay_of=replay_of,
        )
        self._send(track_id, event.to_json())
        return event

    def delete(self, track_id: str) -> None:
        self._send(track_id, None)

    def _send(self, track_id: str, value: bytes | None) -> None:
        self._producer.produce(self.topic, value, key=track_id, partition=0)
        assert self._producer.flush(10) == 0

    def take(self) -> list[Record]:
        """All records since the last call."""
        reader = RangeReader(self.kafka)
        try:
            records = list(reader.between(self.topic, 0, self._n_taken, 1_000_000))
        finally:
            reader.close()
        self._n_taken = records[-1].offset + 1
        return records


@pytest.fixture
def flow(mock_bootstrap: Callable[[Mapping[str, int]], str]) -> Flow:
    return Flow(mock_bootstrap({}))


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.fixture
def worker(flow: Flow, stop: threading.Event) -> Iterator[Callable[[str], Conditions]]:
    """Starts another extractor's conditions, with notes in the Redis of this URL."""
    readers, workers = [], []

    def start(redis_url: str) -> Conditions:
        reader = RangeReader(flow.kafka, stop.is_set)
        newest = NewestSubmissions(RedisSettings(url=redis_url), flow.topic)
        conditions = Conditions(newest, lambda *place: reader.between(flow.topic, *place), stop)
        readers.append(reader)
        workers.append(conditions)
        return conditions

    yield start
    stop.set()
    for conditions in workers:
        conditions.close()
    for reader in readers:
        reader.close()


@pytest.fixture
def track() -> str:
    return f"track-{uuid.uuid4().hex}"


def ends(conditions: Conditions, record: Record) -> str:
    """`valid`, or why it was superseded."""
    try:
        conditions.require_newest(record, TrackSubmitted.from_json(record.value or b""))
    except SupersededError as error:
        return str(error)
    return "valid"


def test_a_replay_of_the_newest_submission_is_valid_however_often(
    flow: Flow, worker: Callable[[str], Conditions], redis_url: str, track: str
) -> None:
    flow.submit(track, "s-1")
    flow.submit(track, "r-1", replay_of="s-1")
    flow.submit(track, "r-2", replay_of="s-1")
    records, conditions = flow.take(), worker(redis_url)

    conditions.taken(records)

    assert [ends(conditions, record) for record in records[1:]] == ["valid", "valid"]


def test_a_replay_is_superseded_by_a_newer_submission_before_or_behind_it(
    flow: Flow, worker: Callable[[str], Conditions], redis_url: str, track: str
) -> None:
    flow.submit(track, "s-1")
    flow.submit(track, "r-1", replay_of="s-1")
    flow.submit(track, "s-2")
    flow.submit(track, "r-2", replay_of="s-1")
    _, before, _, behind = records = flow.take()
    conditions = worker(redis_url)

    conditions.taken(records)

    assert ends(conditions, before) == ends(conditions, behind) == "submission s-2 of this track is newer than s-1"


def test_a_replay_is_superseded_by_a_deletion_until_the_track_is_submitted_again(
    flow: Flow, worker: Callable[[str], Conditions], redis_url: str, track: str
) -> None:
    conditions = worker(redis_url)
    flow.submit(track, "s-1")
    flow.delete(track)
    flow.submit(track, "r-1", replay_of="s-1")
    records = flow.take()
    conditions.taken(records)
    assert ends(conditions, records[2]) == "the track was deleted after submission s-1"

    flow.submit(track, "s-2")
    flow.submit(track, "r-2", replay_of="s-2")
    records = flow.take()
    conditions.taken(records)
    assert ends(conditions, records[1]) == "valid"


def test_a_replay_of_what_nobody_knows_is_superseded(
    flow: Flow, worker: Callable[[str], Conditions], redis_url: str, track: str
) -> None:
    flow.submit(track, "r-1", replay_of="s-1")
    [record] = flow.take()
    conditions = worker(redis_url)

    conditions.taken([record])

    assert ends(conditions, record).startswith("nothing is known of submission s-1")


def test_submissions_of_a_worker_that_died_before_it_noted_them_count(
    flow: Flow, worker: Callable[[str], Conditions], redis_url: str, track: str
) -> None:
    flow.submit(track, "s-1")
    worker(redis_url).taken(flow.take())
    for i in range(1200):  # more than are noted in one round trip
        flow.submit(f"{track}-{i % 7}", f"other-{i}")
    flow.submit(track, "s-2")
    flow.take()  # and committed, by a worker that had no Redis

    flow.submit(track, "r-1", replay_of="s-1")
    flow.submit(track, "r-2", replay_of="s-2")
    replays, conditions = flow.take(), worker(redis_url)
    conditions.taken(replays)

    assert ends(conditions, replays[0]) == "submission s-2 of this track is newer than s-1"
    assert ends(conditions, replays[1]) == "valid"


def test_replays_wait_while_redis_is_away_and_are_judged_by_all_that_came_meanwhile(
    flow: Flow, worker: Callable[[str], Conditions], tmp_path: Path, track: str
) -> None:
    with RedisServer(tmp_path / "redis") as redis, ThreadPoolExecutor(2) as threads:
        conditions = worker(redis.url)
        flow.submit(track, "s-1")
        conditions.taken(flow.take())
        flow.submit(track, "r-0", replay_of="s-1")
        [first] = flow.take()
        conditions.taken([first])
        assert ends(conditions, first) == "valid"

        redis.stop()
        flow.submit(track, "s-2")
        conditions.taken(flow.take())
        flow.submit(track, "r-1", replay_of="s-1")
        flow.submit(track, "r-2", replay_of="s-2")
        replays = flow.take()
        conditions.taken(replays)
        waiting = [threads.submit(ends, conditions, record) for record in replays]
        with pytest.raises(TimeoutError):
            waiting[0].result(timeout=1.5)
        redis.start()

        assert waiting[0].result(timeout=WITHIN_S) == "submission s-2 of this track is newer than s-1"
        assert waiting[1].result(timeout=WITHIN_S) == "valid"


def test_a_redis_that_has_forgotten_everything_is_told_again(
    flow: Flow, worker: Callable[[str], Conditions], tmp_path: Path, track: str
) -> None:
    with RedisServer(tmp_path / "redis", is_durable=False) as redis:
        conditions = worker(redis.url)
        flow.submit(track, "s-1")
        conditions.taken(flow.take())
        redis.stop()
        redis.start()
        flow.submit(track, "r-1", replay_of="s-1")
        flow.submit(track, "r-2", replay_of="s-0")
        replays = flow.take()
        conditions.taken(replays)

        assert ends(conditions, replays[0]) == "valid"
        assert ends(conditions, replays[1]) == "submission s-1 of this track is newer than s-0"


def test_a_replay_that_waits_is_left_to_the_next_worker_when_this_one_stops(
    flow: Flow, worker: Callable[[str], Conditions], stop: threading.Event, track: str
) -> None:
    flow.submit(track, "r-1", replay_of="s-1")
    [record] = flow.take()
    conditions = worker("redis://127.0.0.1:1/0")
    conditions.taken([record])
    threading.Timer(0.3, stop.set).start()

    with pytest.raises(AbandonedError):
        conditions.require_newest(record, TrackSubmitted.from_json(record.value or b""))
