"""Our own workers as child processes: started together, started again when one dies, stopped together."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shared.embedded.processes import ChildProcess, ServiceStartError

logger = logging.getLogger(__name__)

EXIT_CODE_WRONG_SETTING = 2  # what a command line returns for a wrong use of it: the same start would fail again

_LOOK_EVERY_S = 0.1
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_SETTLED_AFTER_S = 60.0  # a process that ran this long is taken for healthy: its next death pauses from the start again


@dataclass(slots=True)
class _Worker:
    child: ChildProcess
    started_at_s: float
    pause_s: float = _FIRST_PAUSE_S
    start_again_at_s: float | None = None
    is_given_up: bool = False


class Supervised:
    """A set of processes that are kept running until ``stop``; each writes to ``<log_dir>/<name>.log``.

    One that dies is started again after a pause that doubles from 0.5 s to 30 s; one that ends with exit code 2 (a
    wrong setting) is given up. Both are said through ``logging``. As a context manager it stops them all on leaving.
    """

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._workers: dict[str, _Worker] = {}
        self._lock = threading.Lock()
        self._is_stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._watcher.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        """Start ``command`` under ``name`` and keep it running.

        Args:
            name: unique in this set; names the log file.
            command: program and arguments.
            env: the whole environment of the process; None is ours.
        Raises: ServiceStartError, where the program cannot be run at all.
        """
        child = ChildProcess(name, command, log_path=self._log_dir / f"{name}.log", env=env)
        with self._lock:
            if name in self._workers:
                raise ValueError(f"{name} is supervised already")
            child.start()
            self._workers[name] = _Worker(child, started_at_s=time.monotonic())

    @property
    def pids(self) -> dict[str, int | None]:
        """The process id of each by name; None for one that is down now."""
        with self._lock:
            return {name: worker.child.pid for name, worker in self._workers.items()}

    @property
    def given_up(self) -> tuple[str, ...]:
        """The names of those that ended with a wrong setting and stay down."""
        with self._lock:
            return tuple(name for name, worker in self._workers.items() if worker.is_given_up)

    def stop(self, *, within_s: float = 15.0) -> None:
        """SIGTERM to all at once, SIGKILL to those still running ``within_s`` later. Can be called twice."""
        self._is_stopping.set()
        self._watcher.join()
        children = [worker.child for worker in self._workers.values()]
        for child in children:
            child.ask_to_stop()
        deadline = time.monotonic() + within_s
        for child in children:
            child.stop(within_s=max(0.0, deadline - time.monotonic()))

    def _watch(self) -> None:
        while not self._is_stopping.wait(_LOOK_EVERY_S):
            with self._lock:
                for worker in self._workers.values():
                    if not worker.is_given_up and not worker.child.is_alive:
                        self._care_for(worker, time.monotonic())

    def _care_for(self, worker: _Worker, now_s: float) -> None:
        """Plan the next start of a process that is down, or make it when its time has come."""
        child = worker.child
        if worker.start_again_at_s is None:
            if child.exit_code == EXIT_CODE_WRONG_SETTING:
                worker.is_given_up = True
                logger.error("%s has a wrong setting and stays down; see %s", child.name, child.log_path)
                return
            if now_s - worker.started_at_s > _SETTLED_AFTER_S:
                worker.pause_s = _FIRST_PAUSE_S
            worker.start_again_at_s = now_s + worker.pause_s
            logger.warning(
                "%s ended with exit code %s and starts again in %.1f s; see %s",
                child.name,
                child.exit_code,
                worker.pause_s,
                child.log_path,
            )
            worker.pause_s = min(2 * worker.pause_s, _LONGEST_PAUSE_S)
        elif now_s >= worker.start_again_at_s:
            worker.started_at_s = now_s
            worker.start_again_at_s = None
            try:
                child.start()
            except ServiceStartError:  # counts as one more death: the next look plans another start
                logger.exception("%s could not be started", child.name)
