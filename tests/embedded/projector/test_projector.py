"""The projector from Kafka to Redis, on the embedded stack."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from schemas.errors import InvalidSettingError
from schemas.origin import Coordinates, Origin, Position
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.embedded.redis_server import RedisServer
from shared.kafka.backlog import BacklogLimit
from shared.kafka.clients import plain_producer
from shared.kafka.names import PROJECTOR
from shared.redis.views import TrackViews, View, ViewKind
from shared.settings.kafka import KafkaSettings
from shared.settings.redis import RedisSettings
from shared.settings.workers import HttpSettings
from workers.projector.main import run

LABELED, FAILED = TRACKS_LABELED.name, TRACKS_FAILED.name


@pytest.fixture
def kafka(mock_bootstrap: Callable[[Mapping[str, int]], str]) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=mock_bootstrap({LABELED: 2, FAILED: 2}), embedded=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as running:
        yield running


class RunningProjector:
    """The projector in a thread."""

    def __init__(self, kafka: KafkaSettings, redis: RedisSettings) -> None:
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(kafka, redis), daemon=True)
        self._thread.start()

    def _run(self, kafka: KafkaSettings, redis: RedisSettings) -> None:
        try:
            run(kafka, redis, HttpSettings(port=0), self._stop)
        except BaseException as error:  # noqa: BLE001 - kept for the test to look at
            self.error = error

    def stop(self) -> float:
        """Ask it to stop; seconds until it had."""
        began = time.monotonic()
        self._stop.set()
        self.join()
        return time.monotonic() - began

    def join(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def projector() -> Iterator[Callable[[KafkaSettings, RedisSettings], RunningProjector]]:
    """Starts projectors; all are stopped at the end."""
    started: list[RunningProjector] = []

    def start(kafka: KafkaSettings, redis: RedisSettings) -> RunningProjector:
        started.append(RunningProjector(kafka, redis))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def headers(timestamp_ms: int) -> list[tuple[str, str | bytes | None]]:
    coordinates = Coordinates(topic="tracks.submitted.v1", partition=0, offset=timestamp_ms)
    return [*Origin(f"submission-{timestamp_ms}", Position(timestamp_ms, 0), coordinates).headers()]


def a_failure(track_id: str, timestamp_ms: int) -> bytes:
    failure = {
        "track_id": track_id,
        "reason": "not_found",
        "message": "there is nothing at this URI",
        "stage": "extractor",
        "attempts": 1,
        "failed_at": "2026-01-01T00:00:01Z",
        "coordinates": {"topic": "tracks.submitted.v1", "partition": 0, "offset": timestamp_ms},
        "record_sha256": "0" * 64,
        "record_size_bytes": 1,
    }
    return json.dumps(failure).encode()


def publish(kafka: KafkaSettings, records: list[tuple[str, str, bytes | None, int]]) -> None:
    """Topic, track, value, and the time of the submission."""
    producer = plain_producer(kafka)
    for topic, track_id, value, timestamp_ms in records:
        producer.produce(topic, value, key=track_id.encode(), headers=headers(timestamp_ms))
    assert producer.flush(10) == 0


def wait_for(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lag(kafka: KafkaSettings, topic: str) -> int:
    watcher = BacklogLimit(kafka, topic=topic, group=PROJECTOR, limit=2)
    watcher.look()
    watcher.close()
    return sum(watcher.backlog().values())


def test_the_last_outcome_of_each_track_becomes_its_view_whatever_arrives_when(
    kafka: KafkaSettings,
    server: RedisServer,
    projector: Callable[[KafkaSettings, RedisSettings], RunningProjector],
) -> None:
    views = TrackViews(RedisSettings(url=server.url))
    publish(
        kafka,
        [
            (LABELED, "labeled", b"old", 1),
            (LABELED, "labeled", b"new", 2),
            (FAILED, "failed", a_failure("failed", 2), 2),
            (LABELED, "failed", b"older than the failure", 1),
            (LABELED, "deleted", None, 3),
            (LABELED, "deleted", b"older than the deletion", 2),
            (FAILED, "deleted", a_failure("deleted", 1), 1),
            (FAILED, "broken", b"no failure", 1),
            (LABELED, "last", b"last", 1),
        ],
    )

    running = projector(kafka, RedisSettings(url=server.url))
    wait_for(lambda: lag(kafka, LABELED) == lag(kafka, FAILED) == 0 and views.get("last") is not None)

    assert views.get("labeled") == View("labeled", Position(2, 0), ViewKind.LABEL, b"new")
    assert views.get("failed") == View("failed", Position(2, 0), ViewKind.FAILURE, a_failure("failed", 2))
    assert views.get("deleted") is None
    assert views.get("broken") is None
    assert running.stop() < 10.0
    assert running.error is None


def test_the_projector_catches_up_by_itself_when_redis_is_back(
    kafka: KafkaSettings,
    server: RedisServer,
    projector: Callable[[KafkaSettings, RedisSettings], RunningProjector],
) -> None:
    views = TrackViews(RedisSettings(url=server.url))
    running = projector(kafka, RedisSettings(url=server.url))
    publish(kafka, [(LABELED, "before", b"x", 1)])
    wait_for(lambda: views.get("before") is not None)
    server.kill()
    publish(kafka, [(LABELED, f"meanwhile-{number}", b"x", 2) for number in range(200)])
    time.sleep(1.0)
    assert lag(kafka, LABELED) > 0

    server.start()

    wait_for(lambda: lag(kafka, LABELED) == 0)
    assert all(views.get(f"meanwhile-{number}") for number in range(200))
    assert running.error is None


def test_the_projector_stops_within_10_s_while_redis_is_away_and_its_successor_writes_the_views(
    kafka: KafkaSettings,
    server: RedisServer,
    projector: Callable[[KafkaSettings, RedisSettings], RunningProjector],
) -> None:
    redis = RedisSettings(url=server.url)
    running = projector(kafka, redis)
    server.kill()
    publish(kafka, [(LABELED, "track", b"x", 1)])
    time.sleep(1.0)

    assert running.stop() < 10.0
    assert running.error is None

    server.start()
    projector(kafka, redis)
    views = TrackViews(redis)
    wait_for(lambda: views.get("track") is not None)


def test_the_projector_ends_with_the_settings_named_when_redis_refuses_the_password(
    kafka: KafkaSettings,
    server: RedisServer,
    projector: Callable[[KafkaSettings, RedisSettings], RunningProjector],
) -> None:
    redis = RedisSettings(url=server.url, password=SecretStr("not the password"), username="nobody")
    publish(kafka, [(LABELED, "track", b"x", 1)])

    running = projector(kafka, redis)
    running.join()

    assert isinstance(running.error, InvalidSettingError)
    assert "NEEDLEDROP_REDIS_PASSWORD" in str(running.error)
    assert "not the password" not in str(running.error)
