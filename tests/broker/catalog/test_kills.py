"""The catalog on real Kafka, killed again and again: its file is the compacted topic, row by row.

NEEDLEDROP_TEST_LONG=1 is the long form: 20 kills while 2,000 labels, relabels and deletions flow (`make chaos`).
"""

import os
import random
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from schemas.topics import TOPICS, TRACKS_FAILED, TRACKS_LABELED
from shared.embedded.ports import free_port
from shared.kafka.admin import create_topics
from shared.kafka.clients import transactional_producer
from shared.kafka.following import following
from shared.kafka.records import Record
from tests.broker.harness.fleet import Role
from tests.catalog_events import deleted, failed, labeled
from workers.catalog.store import Store

if TYPE_CHECKING:
    from tests.broker.conftest import KafkaTools
    from tests.broker.harness.accidents import Chaos
    from tests.broker.harness.fleet import Fleet

pytestmark = pytest.mark.broker

LONG = bool(os.environ.get("NEEDLEDROP_TEST_LONG"))
N_KILLS = 20 if LONG else 3
N_EVENTS = 2000 if LONG else 240
N_TRACKS = N_EVENTS // 8
SEED = 8

Rows = dict[str, tuple[str | None, str | None]]


class Writer:
    """Writes labels, relabels, deletions and failures in transactions, some of which are aborted."""

    def __init__(self, kafka: "KafkaTools", prefix: str) -> None:
        self._chance = random.Random(SEED)
        self._prefix = prefix
        self._producer = transactional_producer(kafka.settings, f"labels-{prefix}")
        self._producer.init_transactions(20)
        self._n_submissions = 0

    def write(self, n_events: int) -> None:
        """One transaction of so many events, and now and then one that is aborted."""
        if self._chance.random() < 0.3:
            self._transaction(2, commits=False)
        self._transaction(n_events, commits=True)

    def _transaction(self, n_events: int, *, commits: bool) -> None:
        self._producer.begin_transaction()
        for record in self._events(n_events):
            self._producer.produce(record.topic, record.value, key=record.key, headers=list(record.headers))
        self._producer.flush(20)
        (self._producer.commit_transaction if commits else self._producer.abort_transaction)(20)

    def _events(self, n: int) -> Iterator[Record]:
        for _ in range(n):
            self._n_submissions += 1
            track_id = f"{self._prefix}{self._chance.randrange(N_TRACKS)}"
            make = self._chance.choices((labeled, deleted, failed), (6, 2, 2))[0]
            yield make(track_id, self._n_submissions)


def compacted(kafka: "KafkaTools", prefix: str) -> Rows:
    """The last label of each track, and the last failure that nothing newer has overtaken: by submission."""
    outcomes: dict[str, Record] = {}
    failures: dict[str, Record] = {}
    with following(kafka.settings, [TRACKS_LABELED.name, TRACKS_FAILED.name], from_start=True) as follower:
        for record in follower.to_the_end():
            if record.key_text.startswith(prefix):
                (outcomes if record.topic == TRACKS_LABELED.name else failures)[record.key_text] = record
    rows: Rows = {}
    for track_id in outcomes.keys() | failures.keys():
        outcome, failure = outcomes.get(track_id), failures.get(track_id)
        counts = failure and (outcome is None or position(outcome) < position(failure))
        label = outcome.value.decode() if outcome and outcome.value else None
        if label or counts:
            rows[track_id] = (label, failure.value.decode() if failure and failure.value and counts else None)
    return rows


def position(record: Record) -> bytes:
    return dict(record.headers)["needledrop_position"]


def stored(file: Path, prefix: str) -> Rows:
    """What the catalog has."""
    with closing(Store(file)) as store:
        labels = {row.track_id: store.label(row.track_id) or b"" for row in store.rows()}
        failures = {track_id: failure for track_id, _, failure in store.failures()}
    tracks = {track_id for track_id in labels.keys() | failures.keys() if track_id.startswith(prefix)}

    def text(found: bytes | None) -> str | None:
        return found.decode() if found else None

    return {track_id: (text(labels.get(track_id)), text(failures.get(track_id))) for track_id in tracks}


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.mark.timeout(900 if LONG else 240)
def test_a_catalog_that_is_killed_at_random_has_what_the_compacted_topic_has(
    kafka: "KafkaTools",
    fleet: "Fleet",
    chaos: "type[Chaos]",
    eventually: Callable[..., None],
    tmp_path: Path,
) -> None:
    create_topics(kafka.settings, TOPICS, n_partitions=4, replication=1)
    prefix = f"{uuid.uuid4().hex}-"
    port = free_port()
    environment = {
        "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
        "NEEDLEDROP_CATALOG_FOLDER": str(tmp_path / "catalog"),
        "NEEDLEDROP_CATALOG_WEB_PORT": "0",
        "NEEDLEDROP_HTTP_PORT": str(port),
    }
    role = Role("catalog", [sys.executable, "-m", "workers.cli.main", "worker", "catalog"], environment)
    file = tmp_path / "catalog" / "catalog.duckdb"
    writer = Writer(kafka, prefix)

    def caught_up() -> None:
        fleet.scale(role, 1)
        eventually(lambda: None if is_ready(port) else "not caught up", 60.0, more=fleet.words)
        assert fleet.stop_all() == {"catalog-0": 0}, fleet.words()

    def write_and_revive() -> None:
        fleet.revive()
        n_bursts = 6
        for _ in range(n_bursts):
            writer.write(N_EVENTS // N_KILLS // n_bursts)
            time.sleep(0.05)  # a burst, so that kills fall between batches and into them

    fleet.scale(role, 1)
    writer.write(1)
    accidents = chaos(SEED, [(fleet.kill_one, N_KILLS)], pauses_s=(0.3, 2.5))
    accidents.run(after_each=write_and_revive)
    caught_up()

    expected = compacted(kafka, prefix)
    assert len(expected) > N_TRACKS / 2
    assert stored(file, prefix) == expected, f"{accidents}\n{fleet.words()}"

    file.unlink()  # rebuilt from the first record on
    caught_up()
    assert stored(file, prefix) == expected, fleet.words()
