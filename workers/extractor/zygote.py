"""The process that decoding processes are forked from, and what runs in those.

It imports and warms up everything once, then does nothing but fork, so a new decoding process is there in
milliseconds and shares its libraries' memory with the others. It is a program of its own, not the extractor, because
only a process with one thread forks safely. It ends, and ends its children, when the extractor's socket closes.
"""

import contextlib
import gc
import os
import pickle
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any, BinaryIO, TypeAlias

from schemas.errors import TrackError

Work: TypeAlias = Callable[[Any, BinaryIO], object]

_REAPING_S = 1.0  # a killed process that hangs in the kernel (a dead network disk) is reaped later
# Where cores are few, tracks that are decoded already go first: with equal shares decoding runs ahead of inference, and
# both slow each other down by turns (3 % of the processor time).
_NICENESS = 5
_PR_SET_PDEATHSIG = 1  # Linux: linux/prctl.h


@dataclass(frozen=True, slots=True)
class Plan:
    """What decoding processes do."""

    work: Work
    warm_up: Callable[[], object]  # called once, before the first fork
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Order:
    """To the zygote: end this process, or, without a process, start one on the descriptor that follows."""

    end_pid: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """From a decoding process: exactly one of these is set, or none when the result is None."""

    result: object = None
    error: TrackError | None = None
    out_of_memory: bool = False  # and the process ends
    bug: str | None = None  # a traceback


def main() -> None:
    """Serve the extractor on the socket whose descriptor is the first argument, until it closes its end."""
    for number in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C and service managers signal us too, but work is under way
        signal.signal(number, signal.SIG_IGN)
    control = Connection(int(sys.argv[1]))
    try:
        sys.path[:] = control.recv()
        plan: Plan = control.recv()
        plan.warm_up()
        gc.collect()
        gc.freeze()  # else the first collection in each child would write to, and so copy, every page of ours
        control.send(os.getpid())
    except (EOFError, BrokenPipeError):
        return
    _Nursery(control, plan).serve()


class _Nursery:
    """Forks and buries."""

    def __init__(self, control: Connection, plan: Plan) -> None:
        self._control = control
        self._plan = plan
        self._children: set[int] = set()

    def serve(self) -> None:
        try:
            while True:
                order: Order = self._control.recv()
                self._control.send(self._start() if order.end_pid is None else self._end(order.end_pid))
        except (EOFError, ConnectionError):
            for pid in list(self._children):
                self._end(pid)

    def _start(self) -> int:
        descriptor = recv_handle(self._control)
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                self._control.close()
                serve_work(Connection(descriptor), self._plan, parent)
                status = 0
            finally:
                os._exit(status)  # no way back into the zygote's loop
        os.close(descriptor)
        self._children.add(pid)
        return pid

    def _end(self, pid: int) -> int | None:
        """Kill and reap. Returns: its exit status as subprocess has it, None when it is not dead yet."""
        if pid not in self._children:
            return None
        os.kill(pid, signal.SIGKILL)  # not reaped yet, so the number is still its own
        give_up_s = time.monotonic() + _REAPING_S
        while time.monotonic() < give_up_s:
            reaped, status = os.waitpid(pid, os.WNOHANG)
            if reaped:
                self._children.discard(pid)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.001)
        return None


def serve_work(connection: Connection, plan: Plan, parent: int) -> None:
    """Take a task and a descriptor, answer, and so on, until the extractor closes its end."""
    _confine(plan.memory_bytes, parent)
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            task = connection.recv()
            with os.fdopen(recv_handle(connection), "rb", buffering=0) as file:
                answer = _answer(plan.work, task, file)
            try:
                connection.send(answer)
            except (pickle.PicklingError, AttributeError, TypeError):
                connection.send(Answer(bug=traceback.format_exc()))
            if answer.out_of_memory:
                return


def _answer(work: Work, task: object, file: BinaryIO) -> Answer:
    try:
        return Answer(result=work(task, file))
    except TrackError as error:
        return Answer(error=error)
    except MemoryError:
        return Answer(out_of_memory=True)
    except Exception:  # noqa: BLE001 - the extractor raises it again
        return Answer(bug=traceback.format_exc())


def _confine(memory_bytes: int, parent: int) -> None:
    # RLIMIT_DATA, not RLIMIT_AS: it counts private writable memory, not the libraries' files. Not enforced on macOS.
    _, hard_bytes = resource.getrlimit(resource.RLIMIT_DATA)
    if hard_bytes == resource.RLIM_INFINITY or memory_bytes < hard_bytes:
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is expected here, and its dump could hold anything
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # should even the zygote be killed
        if os.getppid() != parent:
            os._exit(1)
    os.nice(_NICENESS)
    # Decoders write what they think of a damaged file to the standard error, past all logging.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
