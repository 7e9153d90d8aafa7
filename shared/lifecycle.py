"""A worker process from start to exit code."""

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType

from schemas.errors import InvalidSettingError, NeedledropError

log = logging.getLogger("needledrop")

EXIT_OK = 0
EXIT_STOPPED = 1
"""The worker could not go on; a supervisor starts another."""
EXIT_SETTINGS = 2
"""Whoever set it up must act; starting it again does not help."""


def run_until_signal(work: Callable[[threading.Event], None]) -> int:
    """Run ``work`` until SIGTERM or SIGINT sets its event; the exit code. Errors of ours are one line, no trace."""
    stop = threading.Event()

    def on_signal(signum: int, _frame: FrameType | None) -> None:
        log.info("stopping", extra={"signal": signal.Signals(signum).name})
        stop.set()

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, on_signal)
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
