"""Two programs on the same cores, a second each by turns: both meet the machine as it is then.

A neighbour on the same physical core halves a core's speed, for twenty seconds or for minutes. Of two programs that run
one after the other each has weather of its own; of two that take turns of a second, the same.
"""

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import psutil

from benchmarks.census import processor_s, rates

# Long beside the milliseconds until the caches are warm again, short beside the time-outs of Kafka (a broker of ours is
# taken for dead after 4 s, a member of a group after 6 s), so that nobody notices that it stood still.
TURN_S: Final = 1.0

_PATIENCE_S: Final = 120.0
_SLOWEST_S: Final = 10.0  # a track of both sides

Processes = Callable[[], Sequence[psutil.Process]]


@dataclass(frozen=True, slots=True)
class Side:
    """A program that labels tracks: which processes belong to it now, and how many labels it has brought so far."""

    processes: Processes
    n_labeled: Callable[[], int]


def labeled_by_turns(sides: Mapping[str, Side], n: int) -> dict[str, dict[str, Any]]:
    """What each of ``sides``, at work already, does in turns of its own until one of them has labeled ``n`` more.

    Returns: as `rates`. Raises: SystemExit when they stand still, or as `Side.n_labeled`.
    """
    deadline = time.monotonic() + _PATIENCE_S + _SLOWEST_S * n
    before = {name: side.n_labeled() for name, side in sides.items()}
    used_before = {name: processor_s(side.processes()) for name, side in sides.items()}

    def is_over() -> bool:
        if time.monotonic() > deadline:
            raise SystemExit(f"none of {', '.join(sides)} has labeled {n} tracks at {_SLOWEST_S:g} s each")
        return any(side.n_labeled() - before[name] >= n for name, side in sides.items())

    ran = by_turns({name: side.processes for name, side in sides.items()}, is_over)
    return {
        name: rates(side.n_labeled() - before[name], ran[name], used_before[name], processor_s(side.processes()))
        for name, side in sides.items()
    }


def by_turns(sides: Mapping[str, Processes], until: Callable[[], bool]) -> dict[str, float]:
    """Let the processes of each side run while those of the others stand still (SIGSTOP); in the end all run.

    Args:
        sides: by name, which processes belong to it now.
        until: asked before each round, while all stand still.
    Returns: how long each side ran, in seconds.
    """
    ran = dict.fromkeys(sides, 0.0)
    try:
        for processes in sides.values():
            _signal(processes(), signal.SIGSTOP)
        while not until():
            for name, processes in sides.items():
                running = processes()  # to find them takes milliseconds, in which everybody stands still
                _signal(running, signal.SIGCONT)
                began = time.monotonic()
                time.sleep(TURN_S)
                _signal(running, signal.SIGSTOP)
                ran[name] += time.monotonic() - began
    finally:
        for processes in sides.values():
            _signal(processes(), signal.SIGCONT)
    return ran


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # it has just ended
            process.send_signal(number)
