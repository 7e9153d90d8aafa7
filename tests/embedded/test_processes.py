import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from shared.embedded.processes import ChildProcess, ServiceStartError

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def eventually(condition: Callable[[], bool], within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "child.log"


@pytest.fixture
def child(log_path: Path) -> Iterator[Callable[[list[str]], ChildProcess]]:
    made: list[ChildProcess] = []

    def start(command: list[str]) -> ChildProcess:
        made.append(ChildProcess("child", command, log_path=log_path))
        made[-1].start()
        return made[-1]

    yield start
    for each in made:
        each.kill()


def test_child_writes_both_its_outputs_to_its_log_and_keeps_what_an_earlier_run_wrote(
    child: Callable[[list[str]], ChildProcess], log_path: Path
) -> None:
    process = child(python("import sys; print('out'); print('err', file=sys.stderr)"))
    assert eventually(lambda: process.exit_code == 0)
    process.start()
    assert eventually(lambda: process.exit_code == 0)

    assert sorted(process.output().split()) == ["err", "out"]
    assert sorted(log_path.read_text().split()) == ["err", "err", "out", "out"]


def test_child_ends_by_sigterm_when_stopped(child: Callable[[list[str]], ChildProcess]) -> None:
    process = child(["sleep", "60"])
    assert process.pid is not None

    process.stop(within_s=5.0)

    assert process.exit_code == -signal.SIGTERM
    assert process.pid is None


def test_child_is_killed_when_it_ignores_sigterm(child: Callable[[list[str]], ChildProcess]) -> None:
    process = child(python(STUBBORN))
    process.wait_until(lambda: "up" in process.output(), within_s=10.0)

    process.stop(within_s=0.3)

    assert process.exit_code == -signal.SIGKILL


def test_child_takes_its_own_children_with_it_when_killed(child: Callable[[list[str]], ChildProcess]) -> None:
    process = child(["/bin/sh", "-c", "sleep 60 & echo $!; wait"])
    process.wait_until(lambda: process.output().strip().isdigit(), within_s=5.0)
    grandchild = int(process.output())
    assert is_running(grandchild)

    process.kill()

    assert eventually(lambda: not is_running(grandchild))


def test_child_ends_when_we_are_killed(log_path: Path) -> None:
    code = (
        "import pathlib, sys, time; from shared.embedded.processes import ChildProcess; "
        "child = ChildProcess('child', ['sleep', '60'], log_path=pathlib.Path(sys.argv[1])); "
        "child.start(); print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([*python(code), str(log_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.kill()

    assert eventually(lambda: not is_running(pid))


def test_waiting_for_a_child_raises_its_last_words_when_it_dies_first(
    child: Callable[[list[str]], ChildProcess],
) -> None:
    process = child(python("import sys; print('the disk is full'); sys.exit(3)"))

    with pytest.raises(ServiceStartError, match=r"exit code 3(.|\n)*the disk is full"):
        process.wait_until(lambda: False, within_s=10.0)


def test_waiting_for_a_child_kills_it_when_it_takes_too_long(child: Callable[[list[str]], ChildProcess]) -> None:
    process = child(["sleep", "60"])

    with pytest.raises(ServiceStartError, match=r"not ready within 0 s(.|\n)*nothing"):
        process.wait_until(lambda: False, within_s=0.1)

    assert process.exit_code == -signal.SIGKILL


def test_child_that_cannot_be_run_is_named_when_started(log_path: Path) -> None:
    with pytest.raises(ServiceStartError, match="cannot run /no/such/program"):
        ChildProcess("child", ["/no/such/program"], log_path=log_path).start()


def test_child_is_not_started_twice(child: Callable[[list[str]], ChildProcess]) -> None:
    process = child(["sleep", "60"])

    with pytest.raises(ServiceStartError, match=f"already running as process {process.pid}"):
        process.start()


def test_child_owns_its_folder_as_long_as_it_runs(tmp_path: Path, log_path: Path) -> None:
    first, second = (ChildProcess("child", ["sleep", "60"], log_path=log_path, owned_folder=tmp_path) for _ in range(2))
    first.start()
    try:
        with pytest.raises(ServiceStartError, match=f"another process is using {tmp_path}"):
            second.start()
        first.kill()
        second.start()

        assert second.is_alive
    finally:
        first.kill()
        second.kill()


def test_child_log_starts_anew_when_it_has_grown_large(
    child: Callable[[list[str]], ChildProcess], log_path: Path
) -> None:
    log_path.parent.mkdir()
    with log_path.open("wb") as log:
        os.truncate(log.fileno(), 17 * 1024 * 1024)

    process = child(["echo", "hello"])

    assert eventually(lambda: process.exit_code == 0)
    assert log_path.read_text() == "hello\n"
    assert log_path.with_name("child.log.1").stat().st_size == 17 * 1024 * 1024
