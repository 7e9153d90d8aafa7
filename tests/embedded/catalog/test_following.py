"""The whole worker on the embedded broker: what Kafka brings is served, and goes on where it was."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import InvalidSettingError
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.embedded.ports import free_port
from shared.kafka.clients import plain_producer
from shared.kafka.records import Record
from shared.settings.catalog import CatalogSettings
from shared.settings.kafka import KafkaSettings
from shared.settings.media import MediaSettings
from shared.settings.workers import HttpSettings
from tests.catalog_events import deleted, failed, labeled
from workers.catalog.main import run

TOPICS = {TRACKS_LABELED.name: 3, TRACKS_FAILED.name: 2}


def publish(kafka: KafkaSettings, *records: Record) -> None:
    producer = plain_producer(kafka)
    for record in records:
        producer.produce(record.topic, record.value, key=record.key, headers=list(record.headers))
    assert producer.flush(30) == 0


class RunningCatalog:
    """The worker in a thread."""

    def __init__(self, kafka: KafkaSettings, folder: Path) -> None:
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._web, self._health = free_port(), free_port()
        settings = CatalogSettings(folder=folder, web_port=self._web)
        arguments = (kafka, settings, MediaSettings(), HttpSettings(port=self._health), self._stop)
        self._thread = threading.Thread(target=self._run, args=arguments, daemon=True)
        self._thread.start()

    def _run(self, *arguments: Any) -> None:
        try:
            run(*arguments)
        except BaseException as error:  # noqa: BLE001 - kept for the test to look at
            self.error = error

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()

    def put(self, path: str, body: dict[str, Any]) -> None:
        headers = {"content-type": "application/json"}
        address = f"http://127.0.0.1:{self._web}{path}"
        request = urllib.request.Request(address, json.dumps(body).encode(), headers, method="PUT")
        with urllib.request.urlopen(request, timeout=10):
            pass

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._web}{path}", timeout=10) as answer:
            return json.load(answer)

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._health}/metrics", timeout=10) as answer:
            return str(answer.read().decode())

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._health}/readyz", timeout=10):
                return True
        except urllib.error.URLError:
            return False

    def tracks(self) -> set[str]:
        return {item["id"] for item in self.get("/api/tracks")["items"]}


@pytest.fixture
def catalog() -> Iterator[Callable[[KafkaSettings, Path], RunningCatalog]]:
    """Starts catalogs; all are stopped at the end."""
    started: list[RunningCatalog] = []

    def start(kafka: KafkaSettings, folder: Path) -> RunningCatalog:
        started.append(RunningCatalog(kafka, folder))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def eventually(holds: Callable[[], object], within_s: float = 40.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.05)


Start = Callable[[KafkaSettings, Path], RunningCatalog]
NewCluster = Callable[[Mapping[str, int]], str]


def test_what_is_labeled_is_served_and_a_restart_goes_on_where_it_was(
    mock_bootstrap: NewCluster, catalog: Start, tmp_path: Path
) -> None:
    kafka = KafkaSettings(bootstrap_servers=mock_bootstrap(TOPICS), embedded=True)
    publish(kafka, labeled("a", 1), labeled("b", 2), failed("c", 3), deleted("b", 4))
    broken = Record(TRACKS_LABELED.name, 0, 0, 0, b"d", b"{}", ())
    publish(kafka, broken)

    first = catalog(kafka, tmp_path)
    eventually(first.is_ready)
    assert first.tracks() == {"a"}
    assert first.get("/api/track?id=c")["failure"]["reason"] == "not_found"
    assert 'needledrop_catalog_records_total{change="invalid"} 1.0' in first.metrics()
    publish(kafka, labeled("e", 5))
    eventually(lambda: first.tracks() == {"a", "e"})
    first.stop()

    publish(kafka, labeled("f", 6), deleted("a", 7))
    second = catalog(kafka, tmp_path)
    eventually(second.is_ready)
    assert second.tracks() == {"e", "f"}
    # Read were the two records since, and nothing before.
    assert 'needledrop_stream_records_taken_total{stage="catalog"} 2.0' in second.metrics()


def test_a_new_cluster_keeps_what_was_labeled_and_is_read_from_its_start(
    mock_bootstrap: NewCluster, catalog: Start, tmp_path: Path
) -> None:
    for n, track_id in enumerate("ab", start=1):
        kafka = KafkaSettings(bootstrap_servers=mock_bootstrap(TOPICS), embedded=True)
        publish(kafka, labeled(track_id, n))
        running = catalog(kafka, tmp_path)
        eventually(running.is_ready)
        found = running.tracks()
        running.stop()

    assert found == {"a", "b"}


def test_what_people_saved_outlives_a_catalogue_that_is_made_anew(
    mock_bootstrap: NewCluster, catalog: Start, tmp_path: Path
) -> None:
    kafka = KafkaSettings(bootstrap_servers=mock_bootstrap(TOPICS), embedded=True)
    publish(kafka, labeled("a", 1), labeled("b", 2, features={"tempo": 60.0}))
    first = catalog(kafka, tmp_path)
    eventually(first.is_ready)
    first.put("/api/selections/slow", {"max_tempo": 80})
    first.stop()

    (tmp_path / "catalog.duckdb").unlink()
    second = catalog(kafka, tmp_path)
    eventually(second.is_ready)
    assert second.tracks() == {"a", "b"}
    assert [item["id"] for item in second.get("/api/tracks?saved=slow")["items"]] == ["b"]


def test_a_catalog_waits_for_its_topics(mock_bootstrap: NewCluster, catalog: Start, tmp_path: Path) -> None:
    kafka = KafkaSettings(bootstrap_servers=mock_bootstrap({}), embedded=True)
    running = catalog(kafka, tmp_path)
    eventually(lambda: running.get("/api/tracks")["total"] == 0 if _answers(running) else False)
    assert not running.is_ready()

    publish(kafka, labeled("a", 1), failed("b", 2))  # the mock cluster makes topics for producers
    eventually(lambda: running.tracks() == {"a"})
    eventually(running.is_ready)


def _answers(running: RunningCatalog) -> bool:
    try:
        running.get("/api/tracks")
    except (urllib.error.URLError, ConnectionError):
        return False
    return True


def test_a_file_that_is_no_catalogue_is_refused_by_name(
    mock_bootstrap: NewCluster, catalog: Start, tmp_path: Path
) -> None:
    (tmp_path / "catalog.duckdb").write_bytes(b"no database")
    running = catalog(KafkaSettings(bootstrap_servers=mock_bootstrap(TOPICS), embedded=True), tmp_path)

    running.join()
    assert isinstance(running.error, InvalidSettingError)
    assert "NEEDLEDROP_CATALOG_FOLDER" in str(running.error)
