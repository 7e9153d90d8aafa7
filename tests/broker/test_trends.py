"""The trends worker on a real Kafka, killed while it counts. One scenario, looked at from several sides."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.topics import TOPICS
from shared.embedded.kafka_home import KafkaHome
from shared.kafka.admin import create_topics
from shared.settings.kafka import KafkaSettings
from tests.broker.harness.killed_trends import (
    FAILING_EVERY,
    N_LABELS,
    N_PARTITIONS,
    UNSURE_EVERY,
    Aftermath,
    Worker,
    publish_everything,
    whatever_happens,
)

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def aftermath(kafka_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    folder = tmp_path_factory.mktemp("trends")
    with KafkaHome(kafka_home, folder / "kafka") as kafka:
        bootstrap = kafka.bootstrap_servers
        create_topics(KafkaSettings(bootstrap_servers=bootstrap), TOPICS, n_partitions=N_PARTITIONS, replication=1)
        worker = Worker(bootstrap, folder / "log")
        upstream = threading.Thread(target=publish_everything, args=(bootstrap, 20.0), daemon=True)
        upstream.start()
        try:
            yield whatever_happens(worker, upstream, bootstrap)
        finally:
            if worker.process:
                worker.process.kill()
                worker.process.wait()
            upstream.join(30)


def by_hour(trends: dict[str, Any], kind: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for hour in trends["hours"]:
        found.update(hour[kind])
    return found


def test_trends_counts_each_committed_label_once_when_it_is_killed_four_times(aftermath: Aftermath) -> None:
    expected = {"jazz": 100, "rock": 100, "other": 100}
    assert aftermath.trends["hour"]["genres"] == expected
    assert by_hour(aftermath.trends, "genres") == expected
    assert aftermath.trends["hour"]["moods"] == {"happy": N_LABELS}
    assert aftermath.trends["hour"]["unsure"] == N_LABELS // UNSURE_EVERY
    assert aftermath.trends["hour"]["unsure_share"] == 0.1


def test_trends_counts_each_committed_failure_once_when_it_is_killed_four_times(aftermath: Aftermath) -> None:
    assert aftermath.trends["hour"]["reasons"] == {"not_found": N_LABELS // FAILING_EVERY}
    assert by_hour(aftermath.trends, "reasons") == {"not_found": N_LABELS // FAILING_EVERY}


def test_trends_never_counts_what_was_aborted(aftermath: Aftermath) -> None:
    assert "metal" not in aftermath.trends["hour"]["genres"]


def test_trends_commits_up_to_the_end_when_transaction_markers_are_there(aftermath: Aftermath) -> None:
    assert aftermath.lag == 0
    assert aftermath.lag_after_stop == 0
    assert aftermath.trends["standing"] == {
        "live": True,
        "behind": 0,
        "partitions": 2 * N_PARTITIONS,
        "partitions_in_all": 2 * N_PARTITIONS,
    }


def test_trends_knows_its_counts_again_when_it_starts_again(aftermath: Aftermath) -> None:
    assert aftermath.again["hour"]["genres"] == aftermath.trends["hour"]["genres"]
    assert by_hour(aftermath.again, "reasons") == by_hour(aftermath.trends, "reasons")


def test_trends_ends_its_process_and_leaves_the_record_to_the_next_when_counting_has_a_bug(
    aftermath: Aftermath,
) -> None:
    assert aftermath.exit_code_of_a_bug == 70
    assert "a bug, for once" in aftermath.log
    assert aftermath.trends["hour"]["labels"] == N_LABELS


def test_trends_goes_on_when_values_are_malformed_and_says_which(aftermath: Aftermath) -> None:
    assert "not counted: not a TrackLabeled" in aftermath.log
    assert "not counted: not a TrackFailed" in aftermath.log


def test_trends_stops_cleanly_within_ten_seconds_of_sigterm(aftermath: Aftermath) -> None:
    assert aftermath.exit_code_of_sigterm == 0
    assert aftermath.stop_s < 10


def test_trends_is_ready_only_when_it_counts(aftermath: Aftermath) -> None:
    assert aftermath.readiness == (503, 200)


def test_trends_shows_a_page_that_asks_nothing_of_others(aftermath: Aftermath) -> None:
    assert ">jazz<" in aftermath.page
    assert "http:" not in aftermath.page
    assert "https:" not in aftermath.page
    assert 'src="' not in aftermath.page


def test_trends_writes_no_terminal_escapes(aftermath: Aftermath) -> None:
    assert "\x1b" not in aftermath.log
