"""A worker process from start to exit code."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

from schemas.errors import InvalidSettingError, NeedledropError

log = logging.getLogger("needledrop")

EXIT_OK = 0
EXIT_STOPPED = 1
"""The worker could not go on; a supervisor starts another."""
EXIT_SETTINGS = 2
"""Whoever set it up must act; starting it again does not help."""

# Ten seconds are promised from the signal to the end, and orchestrators kill after them or later.
_STOP_WITHIN_S: Final = 9.0


def run_until_signal(work: Callable[[threading.Event], None]) -> int:
    """Run ``work`` until SIGTERM or SIGINT sets its event; the exit code. Errors of ours are one line, no trace.

    For the whole life of a process, from its main thread: one that has not ended 9 s after the signal, with exit code
    0, or 9 s after its work, with that of its work, is ended then. Nothing is lost: what is not committed is left to
    the next one, as after a kill.
    """
    stop = threading.Event()
    _set_by_signals(stop)
    code = _exit_code_of(work, stop)
    # The interpreter waits for all threads, and one of them may wait for a host that never answers.
    threading.Thread(target=_leave, args=(code,), name="leave", daemon=True).start()
    return code


def _exit_code_of(work: Callable[[threading.Event], None], stop: threading.Event) -> int:
    try:
        work(stop)
    except InvalidSettingError as error:
        log.error("%s", error)  # noqa: TRY400 - the message says it all
        return EXIT_SETTINGS
    except NeedledropError as error:
        log.error("%s", error)  # noqa: TRY400 - as above
        return EXIT_STOPPED
    log.info("stopped")
    return EXIT_OK


def _set_by_signals(stop: threading.Event) -> None:
    # Python runs its handlers between two instructions of the main thread, which may be inside a call of the Kafka
    # client that waits for a broker. The number of the signal reaches this descriptor, and so a thread, at once.
    reading, writing = socket.socketpair()
    writing.settimeout(0)
    signal.set_wakeup_fd(writing.detach(), warn_on_full_buffer=False)
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, _awake)
    threading.Thread(target=_watch, args=(reading, stop), name="signals", daemon=True).start()


def _awake(_number: int, _frame: FrameType | None) -> None:
    """A handler there must be, or the signal would end the process at once."""


def _watch(reading: socket.socket, stop: threading.Event) -> None:
    number = 0
    while number not in (signal.SIGTERM, signal.SIGINT):
        [number] = reading.recv(1)
    log.info("stopping", extra={"signal": signal.Signals(number).name})
    stop.set()
    _leave(EXIT_OK)


def _leave(code: int) -> None:
    threading.Event().wait(_STOP_WITHIN_S)
    log.warning("not at the end after %.0f s: leaving now, what is not committed is for the next one", _STOP_WITHIN_S)
    logging.shutdown()
    os._exit(code)
