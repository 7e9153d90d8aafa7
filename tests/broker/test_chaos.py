"""The whole pipeline on a real Kafka under accidents: the short form of `make chaos`, by the same code."""

from pathlib import Path

import pytest

from tests.broker.chaos.run import Plan, run

pytestmark = [pytest.mark.broker, pytest.mark.timeout(900)]

SHORT = Plan(
    seed=4,
    n_events=160,
    n_kills=5,
    n_freezes=1,
    n_broker_kills=1,
    n_redis_kills=1,
    scales=(4, 1),
    pauses_s=(0.5, 2.5),
    at_rest_within_s=120.0,
)


def test_each_submission_has_one_outcome_whatever_is_killed_frozen_or_scaled(
    kafka_home: Path, some_music: Path, tmp_path: Path
) -> None:
    lines: list[str] = []

    result = run(SHORT, kafka_home=kafka_home, music=some_music, folder=tmp_path / "run", say=lines.append)

    assert result.wrong == {}, "\n".join([*lines, str(result.counts), result.logs])
    assert result.counts["submitted"] == SHORT.n_events
    assert result.counts["outcomes"] == SHORT.n_events
