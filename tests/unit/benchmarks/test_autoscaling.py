from pathlib import Path

import pytest
import yaml

from benchmarks.autoscaling import SYNC_S, Autoscaler, Scaling

FOLDER = Path(__file__).parents[3] / "deploy" / "kubernetes" / "scaling"


@pytest.fixture
def scaler() -> Autoscaler:
    """As the classifier's manifest has it: threshold 100, 1 to 12, doubling a minute, one less every two minutes."""
    return Autoscaler(Scaling.of(yaml.safe_load((FOLDER / "classifier.yaml").read_text())))


def over(scaler: Autoscaler, from_s: int, to_s: int, lag: float) -> list[int]:
    return [scaler.look(at_s, lag) for at_s in range(from_s, to_s, SYNC_S)]


def test_replicas_double_each_minute_up_to_what_the_lag_asks_for(scaler: Autoscaler) -> None:
    assert over(scaler, 0, 300, 1150.0)[::4] == [2, 4, 8, 12, 12]


def test_a_moment_of_lag_is_not_followed_while_the_window_has_less(scaler: Autoscaler) -> None:
    over(scaler, 0, 300, 50.0)

    assert scaler.look(300, 5000.0) == 1
    assert scaler.look(345, 5000.0) == 2


def test_replicas_stay_while_lag_is_within_a_tenth_of_what_they_are_for(scaler: Autoscaler) -> None:
    over(scaler, 0, 300, 400.0)

    assert set(over(scaler, 300, 1500, 430.0)) == {4}


def test_replicas_go_one_every_two_minutes_once_the_window_has_forgotten_the_peak(scaler: Autoscaler) -> None:
    over(scaler, 0, 300, 400.0)
    quiet = over(scaler, 300, 1500, 0.0)

    assert quiet[: 585 // SYNC_S] == [4] * (585 // SYNC_S)
    assert [quiet.index(n) for n in (3, 2, 1)] == pytest.approx([600 // SYNC_S, 720 // SYNC_S, 840 // SYNC_S], abs=1)


def test_replicas_are_never_more_than_the_partitions(scaler: Autoscaler) -> None:
    assert max(over(scaler, 0, 1200, 1e6)) == 12
