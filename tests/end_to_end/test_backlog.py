"""Submitting much more at once than the embedded broker can hold."""

from pathlib import Path
from typing import Any

import pytest

from schemas.events import TrackLabeled

N_TRACKS = 300
SECONDS = 31.0  # ten patches each, 359 kB: the broker keeps 5 MB a partition, and has four
WITHIN_S = 240.0


@pytest.fixture(scope="module")
def crowd(write_tune: Any, music: Path) -> list[tuple[str, str]]:
    """300 tracks of half a minute whose contents differ: one tune, with other bytes behind its end."""
    tune = write_tune("crowd.flac", seed=300, seconds=SECONDS).read_bytes()
    paths = [music / f"crowd-{i}.flac" for i in range(N_TRACKS)]
    for i, path in enumerate(paths):
        path.write_bytes(tune + f"needledrop {i}".encode())
    return [(path.name, path.as_uri()) for path in paths]


@pytest.mark.timeout(WITHIN_S + 60)
def test_300_tracks_submitted_at_once_all_come_out(own_pipeline: Any, crowd: Any) -> None:
    with own_pipeline() as pipeline:
        outcomes = pipeline.outcomes(pipeline.submit(*crowd), within_s=WITHIN_S)

    assert all(isinstance(outcome, TrackLabeled) and not outcome.from_cache for outcome in outcomes.values())


@pytest.mark.timeout(WITHIN_S + 60)
def test_without_the_backlog_limit_the_broker_forgets_tracks_and_the_classifier_says_so(
    own_pipeline: Any, crowd: Any
) -> None:
    with own_pipeline(NEEDLEDROP_KAFKA_BACKLOG_LIMIT="100000") as pipeline:
        submissions = pipeline.submit(*crowd)
        log = pipeline.state / "logs" / "classifier.log"
        pipeline.eventually(lambda: "no longer has the next record" in log.read_text(), within_s=WITHIN_S)
        outcomes = pipeline.outcomes_so_far(submissions, within_s=5.0)

    assert len(outcomes) < N_TRACKS
