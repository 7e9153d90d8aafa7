"""Child processes that end when we do, and that say why when they do not come up."""

import fcntl
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from schemas.errors import InvalidSettingError

logger = logging.getLogger(__name__)

# A shell that waits for our end (its input closes when we are gone, even after a SIGKILL), then ends the child and all
# of its process group. Linux's PR_SET_PDEATHSIG would need code between fork and exec, which can deadlock beside
# librdkafka's threads, and fires when the *thread* that started the child ends; macOS has nothing like it.
_LEASH = """
read -r _
kill -TERM "$1" 2>/dev/null || exit 0
for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 1; kill -0 "$1" 2>/dev/null || exit 0; done
kill -KILL "-$1"
"""
_LOOK_EVERY_S = 0.02
_TAIL_BYTES = 16_384
_LARGEST_LOG_BYTES = (
    16 * 1024 * 1024
)  # then the log moves to `.1` at the next start: a laptop keeps two of them at most


class ServiceStartError(InvalidSettingError):
    """A program of the embedded stack did not come up; the message holds its last words."""


class ChildProcess:
    """One program, its output in a log file; started, stopped, killed and started again.

    It runs in a session of its own, so Ctrl-C reaches only us and we decide in what order things stop.

    Args:
        name: how messages call it.
        command: program and arguments.
        log_path: gets both its outputs; its folder is made.
        env: its whole environment; None is ours.
        owned_folder: its data, which no other ChildProcess of this machine may own while it runs. Two Kafkas in one
            folder corrupt it (seen: CorruptRecordException in the metadata log), whatever Kafka's own lock says.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log_path: Path,
        env: Mapping[str, str] | None = None,
        owned_folder: Path | None = None,
    ) -> None:
        self.name = name
        self.command = tuple(command)
        self.log_path = log_path
        self._env = None if env is None else dict(env)
        self._owned_folder = owned_folder
        self._process: subprocess.Popen[bytes] | None = None
        self._leash: subprocess.Popen[bytes] | None = None
        self._log_start_bytes = 0

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None and self.is_alive else None

    @property
    def is_alive(self) -> bool:
        """Whether it runs now."""
        if self._process is not None and self._process.poll() is None:
            return True
        self._drop_leash()  # its process id may soon be another program's
        return False

    @property
    def exit_code(self) -> int | None:
        """How the last run ended, negative for a signal; None before the first and while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start it.

        Raises: ServiceStartError, where the program cannot be run at all, is running already, or its folder is owned.
        """
        if self.is_alive:
            raise ServiceStartError(f"{self.name} is already running as process {self.pid}")
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        if self.log_path.exists() and self.log_path.stat().st_size > _LARGEST_LOG_BYTES:
            self.log_path.replace(self.log_path.with_name(self.log_path.name + ".1"))
        with ExitStack() as files:
            lock = self._lock(files)
            log = files.enter_context(self.log_path.open("ab"))
            self._log_start_bytes = log.tell()
            try:
                self._process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self._env,
                    start_new_session=True,
                    pass_fds=lock,
                )
            except OSError as error:
                raise ServiceStartError(f"{self.name}: cannot run {self.command[0]}: {error}") from error
        self._leash = subprocess.Popen(
            ["/bin/sh", "-c", _LEASH, "leash", str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def ask_to_stop(self) -> None:
        """Send SIGTERM and return at once; nothing where it does not run."""
        if self._process is not None and self.is_alive:
            self._process.send_signal(signal.SIGTERM)

    def stop(self, *, within_s: float = 10.0) -> None:
        """SIGTERM, and SIGKILL where it has not ended ``within_s`` later. Harmless where it does not run."""
        self.ask_to_stop()
        if self._process is not None:
            try:
                self._process.wait(within_s)
            except subprocess.TimeoutExpired:
                logger.warning("%s did not stop within %.0f s and is killed", self.name, within_s)
        self.kill()

    def kill(self) -> None:
        """SIGKILL for it and for what it started, and wait until it is gone. Harmless where it does not run."""
        if self._process is not None:
            if self.is_alive:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._drop_leash()

    def output(self) -> str:
        """The end (16 kB) of what it has written since its last start."""
        with suppress(FileNotFoundError), self.log_path.open("rb") as log:
            n_bytes = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start_bytes, n_bytes - _TAIL_BYTES))
            return log.read().decode(errors="replace")
        return ""

    def wait_until(self, ready: Callable[[], bool], *, within_s: float) -> None:
        """Return as soon as ``ready()`` is true.

        Raises: ServiceStartError, with its last ten lines, where it ends first or takes longer (then it is killed).
        """
        deadline = time.monotonic() + within_s
        while not ready():
            if not self.is_alive:
                code = self.exit_code
                self.kill()
                raise ServiceStartError(f"{self.name} ended with exit code {code}. {self._last_words()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServiceStartError(f"{self.name} was not ready within {within_s:.0f} s. {self._last_words()}")
            time.sleep(_LOOK_EVERY_S)

    def _lock(self, files: ExitStack) -> tuple[int, ...]:
        """A locked file for the child to inherit: the lock lasts exactly as long as the child, whatever befalls us."""
        if self._owned_folder is None:
            return ()
        self._owned_folder.mkdir(parents=True, exist_ok=True)
        lock = files.enter_context((self._owned_folder / "lock").open("ab"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ServiceStartError(
                f"{self.name}: another process is using {self._owned_folder}; stop it or choose another folder"
            ) from error
        return (lock.fileno(),)

    def _last_words(self) -> str:
        # Without the frames of Java's stack traces, which push the message itself out of the last ten lines.
        lines = [line for line in self.output().strip().splitlines() if not line.startswith("\tat ")][-10:]
        said = "\n  ".join(lines) if lines else "nothing"
        return f"It said, in {self.log_path}:\n  {said}"

    def _drop_leash(self) -> None:
        if self._leash is not None:
            self._leash.kill()
            self._leash.communicate()
            self._leash = None
