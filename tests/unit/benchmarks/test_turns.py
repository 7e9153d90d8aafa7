"""Two programs by turns."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import psutil
import pytest

from benchmarks import turns

_BUSY = [sys.executable, "-c", "while True: pass"]


@pytest.fixture
def busy() -> Iterator[tuple[psutil.Process, psutil.Process]]:
    with ExitStack() as stack:
        programs = [stack.enter_context(subprocess.Popen(_BUSY)) for _ in range(2)]
        for program in programs:
            stack.callback(program.kill)
        yield psutil.Process(programs[0].pid), psutil.Process(programs[1].pid)


def test_each_of_two_programs_runs_while_the_other_stands_still_and_both_run_in_the_end(
    busy: tuple[psutil.Process, psutil.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TURN_S", 0.1)
    before, rounds, ran = [_used_s(process) for process in busy], iter(range(6)), {"one": 0.0, "other": 0.0}

    def is_over(seconds: Mapping[str, float]) -> bool:
        ran.update(seconds)
        return next(rounds) == 5

    turns.by_turns({"one": lambda: [busy[0]], "other": lambda: [busy[1]]}, lambda: None, is_over)
    used = [_used_s(process) - then for process, then in zip(busy, before, strict=True)]

    for name, seconds in zip(("one", "other"), used, strict=True):
        assert 0.5 <= ran[name] < 5.0
        assert seconds <= ran[name] + 0.1  # not while the other ran
    assert all(process.status() != psutil.STATUS_STOPPED for process in busy)


def test_what_stood_still_runs_again_when_whoever_asks_fails(busy: tuple[psutil.Process, psutil.Process]) -> None:
    def fails(_: Mapping[str, float]) -> bool:
        raise SystemExit("a track failed")

    with pytest.raises(SystemExit, match="a track failed"):
        turns.by_turns({"one": lambda: [busy[0]], "other": lambda: [busy[1]]}, lambda: None, fails)

    assert all(process.status() != psutil.STATUS_STOPPED for process in busy)


def _used_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
