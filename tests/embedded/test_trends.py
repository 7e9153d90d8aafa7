"""The trends worker on the mock cluster, which has no CreateTopics and ignores static membership."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.embedded.ports import free_port
from shared.kafka.names import TRENDS
from tests.catalog_events import failure
from workers.trends.windows import changelog_sources

N_PARTITIONS = 3

WORKER = """
import sys
from shared.lifecycle import run_until_signal
from shared.settings.kafka import KafkaSettings
from shared.settings.loading import loaded
from shared.settings.trends import TrendsSettings
from shared.settings.workers import HttpSettings
from workers.trends.main import run

if "dropping" in sys.argv:  # as Faust does in a rebalance, here with the first records that come
    from workers.trends import cures, main

    class Dropping(cures._ConsumerThread):
        dropped = False

        async def _fetch_records(self, *args, **options):
            records = await super()._fetch_records(*args, **options)
            if self.dropped or not any(tp.topic.startswith("tracks.") for tp in records):
                return records
            self.dropped = True
            return {}

    cures._ConsumerThread, main._DELIVERED_WITHIN_S = Dropping, 1.0
settings = (loaded(KafkaSettings), loaded(TrendsSettings), loaded(HttpSettings))
sys.exit(run_until_signal(lambda stop: run(*settings, stop)))
"""


def shown(port: int) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/trends.json", timeout=2) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except OSError:
        return None


@pytest.mark.parametrize("fault", ["", "dropping"])
def test_trends_counts_and_catches_up_on_the_mock_cluster_also_when_the_first_records_that_it_fetched_are_dropped(
    mock_bootstrap: Callable[[Mapping[str, int]], str], tmp_path: Path, fault: str
) -> None:
    topics = dict.fromkeys((TRACKS_LABELED.name, TRACKS_FAILED.name, *changelog_sources(TRENDS)), N_PARTITIONS)
    bootstrap, port = mock_bootstrap(topics), free_port()
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    for number in range(30):
        reason = "not_found" if number % 3 else "a reason of tomorrow"
        producer.produce(TRACKS_FAILED.name, failure(reason=reason).to_json(), partition=number % N_PARTITIONS)
    assert producer.flush(10) == 0
    environment = os.environ | {
        "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "NEEDLEDROP_KAFKA_EMBEDDED": "true",
        "NEEDLEDROP_HTTP_PORT": "0",
        "NEEDLEDROP_TRENDS_WEB_PORT": str(port),
    }
    found: dict[str, Any] | None = None

    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen([sys.executable, "-c", WORKER, fault], env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not ((found := shown(port)) and found["standing"]["live"]):
            time.sleep(0.05)
        worker.terminate()
        exit_code = worker.wait(10)
    finally:
        worker.kill()
        worker.wait()

    assert found is not None, (tmp_path / "log").read_text()
    assert found["standing"] == {"live": True, "behind": 0, "partitions": 6, "partitions_in_all": 6}
    assert found["hour"]["reasons"] == {"not_found": 20, "other": 10}
    assert exit_code == 0
    assert ("reading again from what is committed" in (tmp_path / "log").read_text()) == bool(fault)
