import pytest

from schemas.errors import NotFoundError, UnreachableError
from workers.extractor.retries import with_retries


class ManualTime:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept_s: list[float] = []

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds


class Flaky:
    def __init__(self, *endings: Exception | str) -> None:
        self.endings = list(endings)
        self.n_calls = 0

    def __call__(self) -> str:
        self.n_calls += 1
        ending = self.endings.pop(0) if len(self.endings) > 1 else self.endings[0]
        if isinstance(ending, Exception):
            raise ending
        return ending


AWAY = UnreachableError("away")


def test_an_action_is_tried_again_until_it_works() -> None:
    time = ManualTime()

    tried = with_retries(Flaky(AWAY, AWAY, "here"), clock=time.clock, sleep=time.sleep, jitter=lambda: 0.0)

    assert (tried.value(), tried.attempts) == ("here", 3)
    assert time.slept_s == [0.5, 1.0]


def test_a_permanent_error_ends_it_at_once() -> None:
    action = Flaky(NotFoundError("gone"))

    time = ManualTime()

    tried = with_retries(action, sleep=time.sleep)

    assert (action.n_calls, tried.attempts, time.slept_s) == (1, 1, [])
    with pytest.raises(NotFoundError, match="gone"):
        tried.value()


def test_delays_double_up_to_eight_seconds_and_stay_within_the_budget() -> None:
    time = ManualTime()

    tried = with_retries(Flaky(AWAY), budget_s=30.0, clock=time.clock, sleep=time.sleep, jitter=lambda: 0.0)

    assert time.slept_s == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert tried.attempts == 7
    with pytest.raises(UnreachableError):
        tried.value()


def test_slow_attempts_use_up_the_budget_too() -> None:
    time = ManualTime()

    def slow() -> None:
        time.now_s += 29.8
        raise AWAY

    assert with_retries(slow, budget_s=30.0, clock=time.clock, sleep=time.sleep, jitter=lambda: 0.0).attempts == 1


def test_jitter_shortens_a_delay_by_up_to_half() -> None:
    time = ManualTime()

    with_retries(Flaky(AWAY, "here"), clock=time.clock, sleep=time.sleep, jitter=lambda: 0.999)

    assert time.slept_s == [pytest.approx(0.25, abs=0.001)]


def test_a_wait_that_is_cut_short_is_the_end() -> None:
    action = Flaky(AWAY)

    tried = with_retries(action, sleep=lambda _: True)

    assert (action.n_calls, tried.attempts, tried.ending) == (1, 1, AWAY)


def test_a_bug_is_not_caught() -> None:
    with pytest.raises(ZeroDivisionError):
        with_retries(lambda: 1 / 0)
