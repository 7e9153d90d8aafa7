"""The whole worker on the embedded broker: what Kafka brings is served, and goes on where it was."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from schemas.errors import InvalidSettingError
from schemas.topics import TRACKS_LABELED
from shared.kafka.records import Record
from shared.settings.kafka import KafkaSettings
from tests.catalog_events import deleted, failed, labeled
from tests.running_catalog import TOPICS, RunningCatalog, publish


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
