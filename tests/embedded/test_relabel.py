"""`relabel` on a mock cluster and a Redis: which labels are submitted again, and that a killed run goes on."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.events import TrackSubmitted
from schemas.origin import Coordinates, Origin, Position
from schemas.topics import TRACKS_LABELED, TRACKS_SUBMITTED
from shared.kafka.clients import plain_producer
from shared.kafka.ranges import RangeReader
from shared.redis.views import TrackViews, View, ViewKind
from shared.settings.kafka import KafkaSettings
from shared.settings.redis import RedisSettings
from tests.old_labels import label_fields

RELABEL = [sys.executable, "-m", "workers.cli.main", "relabel", "--ensemble-older-than", "2"]
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def a_label(track_id: str, *, offset: int, uri: str, **changes: Any) -> dict[str, Any]:
    return label_fields(track_id, offset=offset, submission__uri=uri, **changes)


def publish(settings: KafkaSettings, labels: list[dict[str, Any]]) -> None:
    """Each with its submission before it, whose URI has what the label's has not."""
    producer = plain_producer(settings)
    for label in labels:
        known = label["submission"]
        place = Coordinates(**known["coordinates"])
        event = TrackSubmitted(
            track_id=label["track_id"],
            uri=known["uri"].replace("***", "secret"),
            submission_id=known["submission_id"],
            submitted_at=NOW,
        )
        producer.produce(TRACKS_SUBMITTED.name, key=event.track_id, value=event.to_json(), partition=0)
        headers = Origin(event.submission_id, Position(1000, place.offset), place).headers()
        producer.produce(
            TRACKS_LABELED.name, key=event.track_id, value=json.dumps(label), partition=0, headers=list(headers)
        )
        producer.flush(20)


@pytest.fixture
def settings(mock_bootstrap: Callable[[Mapping[str, int]], str]) -> KafkaSettings:
    topics = {TRACKS_SUBMITTED.name: 1, TRACKS_LABELED.name: 1}
    return KafkaSettings(bootstrap_servers=mock_bootstrap(topics), embedded=True)


@pytest.fixture
def relabel(settings: KafkaSettings, redis_url: str, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    environment = {
        **os.environ,
        "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "NEEDLEDROP_KAFKA_EMBEDDED": "true",
        "NEEDLEDROP_REDIS_URL": redis_url,
        "NEEDLEDROP_STATE": str(tmp_path / "state"),
    }

    def start(*options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*RELABEL, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    return start


def resubmitted(settings: KafkaSettings) -> list[TrackSubmitted]:
    with closing(RangeReader(settings)) as topic:
        low, high = topic.bounds(TRACKS_SUBMITTED.name)[0]
        events = [
            TrackSubmitted.from_json(record.value or b"")
            for record in topic.between(TRACKS_SUBMITTED.name, 0, low, high)
        ]
    return [event for event in events if event.relabel_of]


def test_labels_of_older_ensembles_are_submitted_again_on_condition(
    settings: KafkaSettings, redis_url: str, relabel: Callable[..., subprocess.Popen[str]]
) -> None:
    overtaken = a_label("overtaken", offset=3, uri="s3://bucket/c.ogg")
    publish(
        settings,
        [
            a_label("plain", offset=0, uri="s3://bucket/a.ogg"),
            a_label("secret", offset=1, uri="https://example.org/b.ogg?token=***"),
            a_label("current", offset=2, uri="s3://bucket/d.ogg", versions__ensemble="2"),
            overtaken,
            a_label("gone", offset=99, uri="https://example.org/e.ogg?token=***"),
        ],
    )
    TrackViews(RedisSettings(url=redis_url)).write([View("overtaken", Position(2000, 9), ViewKind.LABEL, b"{}")])

    counted, _ = relabel("--dry-run").communicate(timeout=100)
    assert resubmitted(settings) == []
    done, said = relabel().communicate(timeout=100)

    expected = {"looked_at": 5, "submitted": 2, "overtaken": 1, "gone": 1}
    assert json.loads(counted) == expected | {"dry_run": True}
    assert json.loads(done) == expected | {"dry_run": False}
    assert "gone: the submission of 'gone'" in said
    found = {event.track_id: (event.uri, event.relabel_of) for event in resubmitted(settings)}
    assert found == {
        "plain": ("s3://bucket/a.ogg", "s-plain"),
        "secret": ("https://example.org/b.ogg?token=secret", "s-secret"),
    }


def test_conditions_choose_among_them(settings: KafkaSettings, relabel: Callable[..., subprocess.Popen[str]]) -> None:
    publish(settings, [a_label(f"w{n}", offset=n, uri=f"s3://bucket/{n}.ogg", unsure=n == 1) for n in range(3)])

    done, _ = relabel("--where", "unsure=true").communicate(timeout=100)

    assert json.loads(done)["submitted"] == 1
    assert [event.track_id for event in resubmitted(settings)] == ["w1"]


def test_killed_run_goes_on_where_it_was(
    settings: KafkaSettings, relabel: Callable[..., subprocess.Popen[str]]
) -> None:
    n_labels = 450  # more than two batches
    publish(settings, [a_label(f"k{n}", offset=n, uri=f"s3://bucket/{n}.ogg") for n in range(n_labels)])

    # Nobody takes what is submitted: it stops at the bound, after a batch, and is killed there.
    first = relabel("--outstanding", str(n_labels + 300))
    deadline = time.monotonic() + 100
    while len(resubmitted(settings)) < 290:
        assert first.poll() is None, first.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    first.kill()
    first.communicate(timeout=30)
    second, said = relabel("--outstanding", "100000").communicate(timeout=100)

    assert "going on where an earlier run was" in said
    assert json.loads(second)["looked_at"] == n_labels - 200
    assert {event.track_id for event in resubmitted(settings)} == {f"k{n}" for n in range(n_labels)}
