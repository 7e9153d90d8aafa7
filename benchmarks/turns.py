"""Two programs on the same cores, two seconds each by turns: both meet the machine as it is then.

A neighbour on the same physical core halves a core's speed, for twenty seconds or for minutes. Of two programs that run
one after the other each has weather of its own; of two that take turns, the same. For like with like only: many
processes pay more for a turn than one (ADR 25).
"""

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import psutil

from benchmarks.census import processor_s, rates

# Long beside what it costs to go on: caches are cold for milliseconds, and all timers that ended meanwhile are due.
# Short beside the time-outs of Kafka (a broker of ours is taken for dead after 4 s, a member of a group after 6 s less
# the 2 between its heartbeats), so that nobody is missed.
TURN_S: Final = 2.0

_PATIENCE_S: Final = 120.0
_SLOWEST_S: Final = 10.0  # a track of both sides

Processes = Callable[[], Sequence[psutil.Process]]


@dataclass(frozen=True, slots=True)
class Side:
    """A program that labels tracks.

    Attributes:
        processes: that belong to it now.
        n_labeled: how many labels it has brought so far.
        begin: gives it its work; called while it stands still.
    """

    processes: Processes
    n_labeled: Callable[[], int]
    begin: Callable[[], object] = lambda: None


def labeled_by_turns(sides: Mapping[str, Side], n: int) -> dict[str, dict[str, Any]]:
    """What each of ``sides`` does in turns of its own until it has labeled ``n`` tracks, from their submission on.

    Returns: as `rates`. Raises: SystemExit when they stand still, or as `Side.n_labeled`.
    """
    deadline = time.monotonic() + _PATIENCE_S + _SLOWEST_S * n
    before: dict[str, tuple[int, dict[str, float]]] = {}
    found: dict[str, dict[str, Any]] = {}

    def begin() -> None:
        for name, side in sides.items():
            before[name] = side.n_labeled(), processor_s(side.processes())
            side.begin()

    def is_over(ran: Mapping[str, float]) -> bool:
        if time.monotonic() > deadline:
            raise SystemExit(f"{', '.join(sides.keys() - found)} has not labeled {n} tracks at {_SLOWEST_S:g} s each")
        for name, side in sides.items():
            n_before, used_before = before[name]
            n_new = side.n_labeled() - n_before
            if name not in found and n_new >= n:
                found[name] = rates(n_new, ran[name], used_before, processor_s(side.processes()))
        return found.keys() == sides.keys()

    by_turns({name: side.processes for name, side in sides.items()}, begin, is_over)
    return {name: found[name] for name in sides}


def by_turns(
    sides: Mapping[str, Processes], begin: Callable[[], None], until: Callable[[Mapping[str, float]], bool]
) -> None:
    """Let the processes of each side run while those of the others stand still (SIGSTOP); in the end all run.

    Args:
        sides: by name, which processes belong to it now.
        begin: called once, when all stand still.
        until: asked before each round, while all stand still; it gets how many seconds each side has run.
    """
    ran = dict.fromkeys(sides, 0.0)
    try:
        for processes in sides.values():
            _signal(processes(), signal.SIGSTOP)
        begin()
        while not until(ran):
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


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # it has just ended
            process.send_signal(number)
