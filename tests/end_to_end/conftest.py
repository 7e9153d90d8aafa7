"""The whole pipeline, as `needledrop up` starts it: on the embedded broker, and on a real Kafka where there is one."""

import json
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest

from schemas.events import TrackFailed, TrackLabeled, TrackSubmitted
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.kafka.following import Follower, following
from shared.kafka.records import Record
from shared.kafka.submitting import Submitter
from shared.outcomes import origin_of
from shared.redis.views import TrackViews, View
from shared.settings.kafka import KafkaSettings
from shared.settings.redis import RedisSettings
from tests import tunes
from workers.cli.stack import Stack, embedded_stack


class WriteTune(Protocol):
    """Writes a tune, in the format of the name's ending."""

    def __call__(self, name: str, *, seed: int, seconds: float = 3.2) -> Path: ...


@dataclass
class Pipeline:
    """A running stack, as an ingest system and a subscriber see it."""

    stack: Stack
    music: Path
    state: Path
    follower: Follower

    @property
    def kafka(self) -> KafkaSettings:
        return KafkaSettings(bootstrap_servers=self.stack.bootstrap_servers, embedded=self.stack.embedded)

    def submit(self, *tracks: tuple[str, str]) -> list[str]:
        """Submit (track id, URI) pairs; their submission ids."""
        events = [
            TrackSubmitted(track_id=track_id, uri=uri, submission_id=str(uuid.uuid4()), submitted_at=datetime.now(UTC))
            for track_id, uri in tracks
        ]
        with Submitter(self.kafka) as submitter:
            for event in events:
                submitter.submit(event)
        return [event.submission_id for event in events]

    def delete(self, track_id: str) -> None:
        with Submitter(self.kafka) as submitter:
            submitter.delete(track_id)

    def outcomes(self, submissions: list[str], *, within_s: float) -> dict[str, TrackLabeled | TrackFailed]:
        """The outcome of each submission, by its id; fails when one is missing in time, or comes twice."""
        found = self.outcomes_so_far(submissions, within_s=within_s)
        assert len(found) == len(submissions), f"{len(submissions) - len(found)} of {len(submissions)} have no outcome"
        return found

    def outcomes_so_far(self, submissions: list[str], *, within_s: float) -> dict[str, TrackLabeled | TrackFailed]:
        """Those that came in time; fails when one comes twice."""
        wanted, found = set(submissions), dict[str, TrackLabeled | TrackFailed]()
        for record in self._until(lambda: wanted <= found.keys(), within_s):
            submission = origin_of(record).submission_id
            if submission not in wanted or record.value is None:
                continue
            assert submission not in found, f"a second outcome of {submission}"
            event = TrackLabeled if record.topic == TRACKS_LABELED.name else TrackFailed
            found[submission] = event.from_json(record.value)
        return found

    def tombstone(self, track_id: str, *, within_s: float) -> Record:
        """The next null value for a track in the label topic."""
        for record in self._until(lambda: False, within_s):
            if record.key_text == track_id and record.value is None:
                return record
        raise AssertionError(f"no tombstone for {track_id}")

    def view(self, track_id: str) -> View | None:
        return TrackViews(RedisSettings(url=self.stack.redis_url)).get(track_id)

    def metrics(self, worker: str) -> str:
        address = f"http://127.0.0.1:{self.stack.http_ports[worker]}/metrics"
        with urllib.request.urlopen(address, timeout=5.0) as answer:
            return str(answer.read().decode())

    def trends(self) -> dict[str, Any]:
        """What the trends worker shows."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.stack.trends_port}/trends.json", timeout=5.0) as answer:
            return dict(json.load(answer))

    def eventually(self, holds: Callable[[], object], *, within_s: float = 10.0) -> None:
        """Wait until it is true."""
        deadline = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < deadline, "it did not become true in time"
            time.sleep(0.05)

    def _until(self, done: Callable[[], bool], within_s: float) -> Iterator[Record]:
        deadline = time.monotonic() + within_s
        while not done() and time.monotonic() < deadline:
            record = self.follower.take(timeout_s=0.1)
            if record is not None:
                yield record


@pytest.fixture(scope="session", autouse=True)
def models_of_this_code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Build the default ensemble for these tests: one that lies in the user's cache may be of another day's code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEEDLEDROP_MODELS_FOLDER", str(tmp_path_factory.mktemp("models")))
        yield


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The only media root."""
    return tmp_path_factory.mktemp("music")


@contextmanager
def running_pipeline(music: Path, state: Path, kafka_home: Path | None, settings: dict[str, str]) -> Iterator[Pipeline]:
    with ExitStack() as parts:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NEEDLEDROP_CATALOG_WEB_PORT", "0")  # the usual one may be another stack's a moment later
            stack = parts.enter_context(
                embedded_stack([music], kafka_home=kafka_home, state=state, more_settings=settings)
            )
        kafka = KafkaSettings(bootstrap_servers=stack.bootstrap_servers, embedded=stack.embedded)
        with following(kafka, [TRACKS_LABELED.name, TRACKS_FAILED.name], from_start=True) as follower:
            yield Pipeline(stack, music, state, follower)


@pytest.fixture(scope="session", params=["embedded", pytest.param("kafka", marks=pytest.mark.broker)])
def pipeline(
    request: pytest.FixtureRequest, music: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    """The whole pipeline, running; shared by all tests, which use track ids of their own."""
    kafka_home = request.getfixturevalue("kafka_home") if request.param == "kafka" else None
    with running_pipeline(music, tmp_path_factory.mktemp("state"), kafka_home, {}) as running:
        yield running


@pytest.fixture
def own_pipeline(music: Path, tmp_path: Path) -> Callable[..., AbstractContextManager[Pipeline]]:
    """Starts an embedded pipeline for one test alone, with these settings of the workers."""

    def start(**settings: str) -> AbstractContextManager[Pipeline]:
        return running_pipeline(music, tmp_path / "state", None, settings)

    return start


@pytest.fixture
def durable_pipeline(music: Path, kafka_home: Path, tmp_path: Path) -> Callable[[], AbstractContextManager[Pipeline]]:
    """Starts a pipeline on a real Kafka whose files, as all others, are below ``tmp_path / "state"``."""
    return lambda: running_pipeline(music, tmp_path / "state", kafka_home, {})


@pytest.fixture(scope="session")
def write_tune(music: Path) -> WriteTune:
    """Writes a few bars of plucked chords over a beat, other ones for each seed, into the media root."""

    def write(name: str, *, seed: int, seconds: float = 3.2) -> Path:
        return tunes.write_tune(music / name, seed=seed, seconds=seconds)

    return write
