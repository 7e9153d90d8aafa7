"""Spoiled records on every topic of a whole pipeline: each submission has one outcome, and no worker ends."""

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from schemas.events import TrackFailed
from schemas.topics import TRACKS_FAILED, TRACKS_FEATURES, TRACKS_LABELED, TRACKS_SUBMITTED
from shared.kafka.clients import plain_producer
from tests.end_to_end.fuzz.mutations import Headers, spoiled, spoiled_event, spoiled_headers
from tests.end_to_end.fuzz.seeds import seeds
from tests.end_to_end.fuzz.workbench import EXPECTED_REASONS
from workers.cli.stack import PIPELINE

SEED = 20261125
N_FILES = 120
N_EVENTS = 60
N_FURTHER_DOWN = 60
WITHIN_S = 120.0
HEADERS: Headers = [
    ("ce_id", b"1"),
    ("needledrop_submission", b"s"),
    ("needledrop_position", b"0000000000000000005-0000000000000000007"),
    ("needledrop_coordinates", b"tracks.submitted.v1:0:7"),
]


def write(pipeline: Any, topic: str, records: Sequence[tuple[bytes | None, bytes | None, Headers]]) -> None:
    producer = plain_producer(pipeline.kafka)
    for key, value, headers in records:
        producer.produce(topic, value, key=key, headers=dict[str, str | bytes | None](headers))
    assert producer.flush(30) == 0


def started_at(pipeline: Any) -> dict[str, float]:
    """When each worker's process began, by itself."""
    return {
        worker: float(re.findall(r"^process_start_time_seconds (\S+)", pipeline.metrics(worker), re.MULTILINE)[0])
        for worker in PIPELINE
    }


@pytest.mark.timeout(300)
def test_spoiled_records_on_every_topic_end_no_worker_and_lose_no_submission(
    own_pipeline: Callable[..., Any], music: Path, write_tune: Any
) -> None:
    chance = random.Random(SEED)
    whole = seeds()
    files = []
    for number in range(N_FILES):
        name = chance.choice(sorted(whole))
        files.append(music / f"spoilt-{number}-{name}")
        files[-1].write_bytes(spoiled(chance, whole[name], list(whole.values())))

    with own_pipeline(NEEDLEDROP_EXTRACTOR_RETRY_BUDGET_S="0") as pipeline:
        before = started_at(pipeline)
        submissions = pipeline.submit(*((path.name, path.as_uri()) for path in files))
        events = [
            (
                f"event-{number}".encode(),
                spoiled_event(chance, {"track_id": f"event-{number}", "uri": "file:///nowhere", "submission_id": "s"}),
                spoiled_headers(chance, HEADERS[:1]),
            )
            for number in range(N_EVENTS)
        ]
        write(pipeline, TRACKS_SUBMITTED.name, events)
        outcomes = pipeline.outcomes(submissions, within_s=WITHIN_S)
        good = write_tune("good.flac", seed=3)
        [label] = pipeline.outcomes(pipeline.submit(("good", good.as_uri())), within_s=WITHIN_S).values()
        for topic, value in ((TRACKS_LABELED, label.to_json()), (TRACKS_FAILED, b"{}"), (TRACKS_FEATURES, b"")):
            further_down = [
                (b"down", spoiled(chance, value or b"\0" * 64, [value or b"x"]), spoiled_headers(chance, HEADERS))
                for _ in range(N_FURTHER_DOWN)
            ]
            write(pipeline, topic.name, further_down)
        again = pipeline.submit(("good", good.as_uri()), ("nowhere", (music / "nowhere").as_uri()))
        last = pipeline.outcomes(again, within_s=WITHIN_S)

        assert started_at(pipeline) == before
        for worker in PIPELINE:
            log = (pipeline.state / "logs" / f"{worker}.log").read_text(errors="replace")
            assert "Traceback" not in log, log[-3000:]

    reasons = Counter(one.reason for one in outcomes.values() if isinstance(one, TrackFailed))
    assert reasons.keys() <= EXPECTED_REASONS
    assert reasons["undecodable_audio"] > 10
    assert len(outcomes) - reasons.total() > 10  # what was only scratched is labeled
    assert {type(one).__name__ for one in last.values()} == {"TrackLabeled", "TrackFailed"}
