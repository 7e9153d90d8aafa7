"""Work that misbehaves, for decoding processes; imported there by name."""

import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from schemas.errors import UndecodableAudioError

kept: list[bytearray] = []


def warmed() -> None:
    os.environ["NEEDLEDROP_TEST_WARMED_IN"] = str(os.getpid())


class FailingWarmUp:
    """Cannot be unpickled."""

    def __call__(self) -> None: ...

    def __reduce__(self) -> Any:
        return importlib.import_module, ("needledrop_has_no_such_module",)


def misbehaving(task: Any, file: BinaryIO) -> Any:
    trick, argument = task
    return _TRICKS[trick](argument, file)


def _read(_: Any, file: BinaryIO) -> Any:
    # By position: all processes that have this descriptor share one file offset.
    return os.getpid(), os.pread(file.fileno(), 1024, 0)


def _facts(_: Any, __: BinaryIO) -> Any:
    return {
        "ignores_sigint": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
        "n_threads": threading.active_count(),
        "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS"),
        "warmed_in": int(os.environ["NEEDLEDROP_TEST_WARMED_IN"]),
        "zygote": os.getppid(),
        "path": sys.path,
    }


def _die(number: int, _: BinaryIO) -> None:
    os.kill(os.getpid(), number)


def _die_once(marker: str, _: BinaryIO) -> str:
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGSEGV)
    return "survived"


def _hang(seconds: float, _: BinaryIO) -> str:
    time.sleep(seconds)
    return "woke up"


def _eat_memory(n_bytes: int, _: BinaryIO) -> str:
    kept.append(bytearray(n_bytes))
    return "ate it"


def _refuse(message: str, _: BinaryIO) -> None:
    raise UndecodableAudioError(message)


def _bug(message: str, _: BinaryIO) -> None:
    raise ZeroDivisionError(message)


def _unpicklable(_: Any, __: BinaryIO) -> Any:
    return lambda: None


_TRICKS: dict[str, Callable[[Any, BinaryIO], Any]] = {
    "read": _read,
    "facts": _facts,
    "die": _die,
    "die once": _die_once,
    "hang": _hang,
    "eat memory": _eat_memory,
    "refuse": _refuse,
    "bug": _bug,
    "unpicklable": _unpicklable,
}
