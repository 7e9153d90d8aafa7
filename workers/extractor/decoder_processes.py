"""Processes in which files are decoded, so that one that crashes, hangs or eats memory costs nobody else anything.

Not concurrent.futures: there one dead process breaks the pool and every task in it. Here each process has a pipe of its
own and one task at a time, and is replaced when it dies.
"""

import logging
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from types import TracebackType
from typing import BinaryIO, Generic, Literal, Self, TypeAlias, TypeVar, cast

from schemas.errors import DecoderCrashedError, DecoderTimeoutError, NeedledropError, TrackError
from workers.extractor.zygote import Answer, Order, Plan

log = logging.getLogger("needledrop.extractor")

Task = TypeVar("Task")
Result = TypeVar("Result")
RestartCause: TypeAlias = Literal["crash", "memory", "timeout"]

_START_TIMEOUT_S = 120.0  # imports from a cold disk, compilation of signal features
_END_TIMEOUT_S = 5.0
# One thread each: there are as many processes as cores already, and a thread would make forking unsafe.
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)

# glibc gives blocks of 128 kB and more back when they are freed, and every block of samples is as large: getting them
# again is hundreds of page faults a file. These bounds (32 MB is the largest it takes) keep them.
_KEEP_FREED_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(32 * 2**20)}


# Not `-m`: the module would be there twice, with two sets of the classes that travel.
_PROGRAM = "from workers.extractor.zygote import main; main()"


class DecoderProcessesError(NeedledropError):
    """The processes do not start, or are closed: no file is at fault."""


class DecodingBugError(TrackError):
    """The work raised what it never should; the file ends as `internal_error`, the log has the traceback."""


@dataclass(slots=True)
class _Process:
    pid: int
    connection: Connection


@dataclass(frozen=True, slots=True)
class _Died:
    cause: RestartCause
    message: str


class DecoderProcesses(Generic[Task, Result]):
    """A fixed number of processes, each doing one task at a time.

    Starts in the background; `ready` says when it is done. Many threads may call `run`, each then waits for an idle
    process. The children ignore SIGINT and SIGTERM and end with this process, however that ends.
    """

    def __init__(
        self,
        work: Callable[[Task, BinaryIO], Result],
        *,
        n_processes: int,
        timeout_s: float,
        memory_bytes: int,
        warm_up: Callable[[], object] = os.getpid,
        on_restart: Callable[[RestartCause], object] = str,
    ) -> None:
        """Begin to start the processes.

        Args:
            work: what they do; importable by name, as its tasks and results must be. Is given the file open, and with a
                descriptor, at any offset.
            n_processes: at least 1.
            timeout_s: for one task.
            memory_bytes: private memory that a process may map (Linux).
            warm_up: called once before the processes are forked; picklable. It must leave no thread behind.
            on_restart: told why, each time a process is replaced.
        """
        self._plan = Plan(work, warm_up, memory_bytes)
        self._timeout_s = timeout_s
        self._on_restart = on_restart
        self._lock = threading.Lock()  # around the zygote
        self._zygote = _Zygote(self._plan)
        self._closed = False
        self._ready = threading.Event()
        self._all: set[int] = set()
        self._idle: queue.SimpleQueue[_Process | DecoderProcessesError] = queue.SimpleQueue()
        threading.Thread(target=self._start_all, args=(n_processes,), name="decoder-start", daemon=True).start()

    def ready(self, timeout_s: float = 0.0) -> bool:
        """Whether all processes have started and are warm; waits for that up to ``timeout_s``."""
        return self._ready.wait(timeout_s)

    def run(self, task: Task, file: BinaryIO) -> Result:
        """Do one task in an idle process; if that dies, once more in a fresh one.

        Raises: DecoderCrashedError, DecoderTimeoutError after the second time; any TrackError that the work raises;
            DecodingBugError, DecoderProcessesError.
        """
        process = self._idle.get()
        if isinstance(process, DecoderProcessesError):
            self._idle.put(process)  # for the next caller
            raise process
        died = _Died("crash", "")
        try:
            for _ in range(2):
                ending = _done(process, task, file, self._timeout_s)
                if isinstance(ending, Answer):
                    return cast("Result", _value(ending))
                died = ending
                process, status = self._replaced(process)
                died = _Died(died.cause, died.message or _manner(status))
                self._on_restart(died.cause)
        finally:
            self._idle.put(process)
        raise (DecoderTimeoutError if died.cause == "timeout" else DecoderCrashedError)(
            f"twice over this file: {died.message}"
        )

    def close(self) -> None:
        """End all processes at once; callers whose file is at work get a DecoderProcessesError. No child is left."""
        self._closed = True
        if not self.ready():
            self._zygote.kill()  # it may be busy warming up, with the lock held
        with self._lock:
            self._zygote.close()
        self._idle.put(DecoderProcessesError("the decoder processes are closed"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def pids(self) -> frozenset[int]:
        """The processes' ids, for whoever watches their memory."""
        return frozenset(self._all)

    def _start_all(self, n_processes: int) -> None:
        try:
            for _ in range(n_processes):
                self._idle.put(self._started())
        except DecoderProcessesError as error:
            self._idle.put(error)
        else:
            self._ready.set()

    def _started(self) -> _Process:
        with self._lock:
            for _ in range(2):
                if self._closed:
                    raise DecoderProcessesError("the decoder processes are closed")
                try:
                    process = self._zygote.started()
                except (EOFError, OSError):  # somebody killed it
                    self._zygote.close()
                    self._zygote = _Zygote(self._plan)
                else:
                    self._all.add(process.pid)
                    return process
        raise DecoderProcessesError("decoder processes do not start; the standard error says why")

    def _replaced(self, process: _Process) -> tuple[_Process, int | None]:
        process.connection.close()
        self._all.discard(process.pid)
        status = None
        with self._lock:
            if not self._closed:
                with suppress(EOFError, OSError):  # without its zygote it is dead as well; `_started` makes a new one
                    status = self._zygote.ended(process.pid)
        return self._started(), status


class _Zygote:
    """Our end of the zygote, see there. One caller at a time."""

    def __init__(self, plan: Plan) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._program = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=os.environ | _ONE_THREAD | _KEEP_FREED_MEMORY,
            )
        self._control = Connection(ours.detach())
        self._plan = plan
        self._is_warm = False

    def started(self) -> _Process:
        """A new process. Raises: EOFError or OSError when the zygote is dead."""
        self._await_warm()
        ours, theirs = socket.socketpair()
        with theirs:
            connection = Connection(ours.detach())
            self._control.send(Order())
            send_handle(self._control, theirs.fileno(), self._program.pid)
        return _Process(self._control.recv(), connection)

    def ended(self, pid: int) -> int | None:
        """Kill a process. Returns: how it ended, as subprocess says it, when that is known."""
        self._control.send(Order(end_pid=pid))
        status: int | None = self._control.recv()
        return status

    def kill(self) -> None:
        """End it wherever it is; on Linux its children end with it."""
        self._program.kill()

    def close(self) -> None:
        """End it and all of its children."""
        self._control.close()
        try:
            self._program.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait()

    def _await_warm(self) -> None:
        if self._is_warm:
            return
        self._control.send(sys.path)
        self._control.send(self._plan)
        if not self._control.poll(_START_TIMEOUT_S):
            raise EOFError
        self._control.recv()
        self._is_warm = True


def _done(process: _Process, task: object, file: BinaryIO, timeout_s: float) -> Answer | _Died:
    try:
        process.connection.send(task)
        send_handle(process.connection, file.fileno(), process.pid)
        if not process.connection.poll(timeout_s):
            return _Died("timeout", f"no end after the {timeout_s:g} s of NEEDLEDROP_MEDIA_DECODE_TIMEOUT_S")
        answer: Answer = process.connection.recv()
    except (EOFError, OSError):
        return _Died("crash", "")
    if answer.out_of_memory:
        return _Died("memory", "needs more memory than NEEDLEDROP_MEDIA_DECODE_MEMORY_BYTES")
    return answer


def _value(answer: Answer) -> object:
    if answer.error is not None:
        raise answer.error
    if answer.bug is not None:
        log.error("a bug in a decoding process:\n%s", answer.bug)
        raise DecodingBugError("a bug in the analysis of this file; the log has the rest. Please report it")
    return answer.result


def _manner(status: int | None) -> str:
    if status is None:
        return "the decoding process died"
    if status < 0:
        return f"the decoding process died of {signal.Signals(-status).name}"
    return f"the decoding process ended with status {status}"
