import importlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import psutil
import pytest

from schemas.errors import DecoderCrashedError, DecoderTimeoutError, UndecodableAudioError
from workers.extractor.decoder_processes import DecoderProcesses, DecoderProcessesError, DecodingBugError

Processes = DecoderProcesses[Any, Any]
READ = ("read", None)
MIB = 2**20


@pytest.fixture
def restarts() -> Counter[str]:
    return Counter()


@pytest.fixture
def tricks(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    return importlib.import_module("decoder_tricks")


@pytest.fixture
def with_processes(tricks: Any, restarts: Counter[str]) -> Iterator[Callable[..., Processes]]:
    opened: list[Processes] = []

    def start(n_processes: int = 1, timeout_s: float = 20.0, memory_bytes: int = 600 * MIB) -> Processes:
        opened.append(
            DecoderProcesses(
                tricks.misbehaving,
                n_processes=n_processes,
                timeout_s=timeout_s,
                memory_bytes=memory_bytes,
                warm_up=tricks.warmed,
                on_restart=lambda cause: restarts.update([cause]),
            )
        )
        assert opened[-1].ready(30.0)
        return opened[-1]

    yield start
    for processes in opened:
        processes.close()


@pytest.fixture
def file() -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as opened:
        opened.write(b"some bytes")
        opened.flush()
        yield opened


def children() -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process().children(recursive=True)
    return found


def test_a_task_is_done_in_another_process_that_reads_our_descriptor(
    with_processes: Callable[..., Processes], file: BinaryIO
) -> None:
    pid, content = with_processes().run(READ, file)

    assert content == b"some bytes"
    assert pid != os.getpid()


def test_processes_are_warmed_before_they_are_forked_and_have_one_thread_each(
    with_processes: Callable[..., Processes], file: BinaryIO
) -> None:
    facts = with_processes().run(("facts", None), file)

    assert facts["warmed_in"] == facts["zygote"]
    assert facts["ignores_sigint"]
    assert facts["n_threads"] == 1
    assert facts["blas_threads"] == "1"
    assert facts["path"] == sys.path


def test_a_crashed_task_is_tried_again_in_a_fresh_process(
    with_processes: Callable[..., Processes], file: BinaryIO, tmp_path: Path, restarts: Counter[str]
) -> None:
    processes = with_processes()
    [before] = processes.pids()

    assert processes.run(("die once", str(tmp_path / "died")), file) == "survived"
    assert processes.pids() != {before}
    assert restarts == {"crash": 1}


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_task_that_crashes_twice_is_an_error_that_names_the_signal(
    with_processes: Callable[..., Processes], file: BinaryIO, restarts: Counter[str], number: signal.Signals
) -> None:
    processes = with_processes()

    with pytest.raises(DecoderCrashedError, match=number.name):
        processes.run(("die", number), file)

    assert restarts == {"crash": 2}
    assert processes.run(READ, file)[1] == b"some bytes"


def test_a_task_that_hangs_twice_is_an_error_within_two_timeouts(
    with_processes: Callable[..., Processes], file: BinaryIO, restarts: Counter[str]
) -> None:
    processes = with_processes(timeout_s=0.3)
    began = time.monotonic()

    with pytest.raises(DecoderTimeoutError, match="NEEDLEDROP_MEDIA_DECODE_TIMEOUT_S"):
        processes.run(("hang", 60.0), file)

    assert time.monotonic() - began < 5.0
    assert restarts == {"timeout": 2}
    assert processes.run(READ, file)[1] == b"some bytes"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces RLIMIT_DATA")
def test_a_task_that_eats_memory_is_ended_and_names_the_setting(
    with_processes: Callable[..., Processes], file: BinaryIO, restarts: Counter[str]
) -> None:
    processes = with_processes(memory_bytes=300 * MIB)

    assert processes.run(("eat memory", 20 * MIB), file) == "ate it"
    with pytest.raises(DecoderCrashedError, match="NEEDLEDROP_MEDIA_DECODE_MEMORY_BYTES"):
        processes.run(("eat memory", 400 * MIB), file)
    assert restarts == {"memory": 2}


def test_neighbours_of_a_crashing_task_are_unaffected(
    with_processes: Callable[..., Processes], file: BinaryIO, restarts: Counter[str]
) -> None:
    processes = with_processes(n_processes=2)

    def outcome(task: Any) -> Any:
        try:
            return processes.run(task, file)
        except DecoderCrashedError:
            return "crashed"

    tasks = [("die", signal.SIGSEGV), ("hang", 0.05)] * 10
    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(outcome, tasks))

    assert outcomes == ["crashed", "woke up"] * 10
    assert restarts == {"crash": 20}
    assert len(processes.pids()) == 2


def test_an_error_of_ours_arrives_as_it_was_raised(
    with_processes: Callable[..., Processes], file: BinaryIO, restarts: Counter[str]
) -> None:
    with pytest.raises(UndecodableAudioError, match=r"^noise$"):
        with_processes().run(("refuse", "noise"), file)
    assert not restarts


@pytest.mark.parametrize(("trick", "shown"), [("bug", "ZeroDivisionError: ouch"), ("unpicklable", "pickle")])
def test_a_bug_is_logged_with_its_traceback_and_costs_its_file_alone(
    with_processes: Callable[..., Processes],
    file: BinaryIO,
    restarts: Counter[str],
    caplog: pytest.LogCaptureFixture,
    trick: str,
    shown: str,
) -> None:
    processes = with_processes()

    with pytest.raises(DecodingBugError, match="Please report it") as caught:
        processes.run((trick, "ouch"), file)

    assert caught.value.reason == "internal_error"
    assert shown in caplog.text
    assert not restarts
    assert processes.run(READ, file)[1] == b"some bytes"


def test_an_idle_process_that_is_killed_is_replaced_unseen(
    with_processes: Callable[..., Processes], file: BinaryIO
) -> None:
    processes = with_processes()
    [pid] = processes.pids()
    os.kill(pid, signal.SIGKILL)

    assert processes.run(READ, file)[1] == b"some bytes"


def test_a_killed_zygote_is_replaced_with_all_processes(
    with_processes: Callable[..., Processes], file: BinaryIO
) -> None:
    processes = with_processes(n_processes=2)
    zygote = processes.run(("facts", None), file)["zygote"]
    os.kill(zygote, signal.SIGKILL)

    with ThreadPoolExecutor(2) as threads:
        read = list(threads.map(lambda _: processes.run(READ, file)[1], range(8)))

    assert read == [b"some bytes"] * 8
    assert processes.run(("facts", None), file)["zygote"] != zygote


def test_close_ends_all_children_and_whoever_waits_for_one(
    with_processes: Callable[..., Processes], file: BinaryIO
) -> None:
    before = {child.pid for child in children()}
    processes = with_processes(n_processes=2)
    assert len({child.pid for child in children()} - before) == 3

    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(processes.run, ("hang", 60.0), file) for _ in range(4)]
        time.sleep(0.2)
        processes.close()
        errors = [future.exception(timeout=10.0) for future in waiting]

    assert all(isinstance(error, DecoderProcessesError) for error in errors)
    assert {child.pid for child in children()} <= before
    with pytest.raises(DecoderProcessesError, match="closed"):
        processes.run(READ, file)


def test_processes_that_cannot_start_are_an_error_and_not_a_wait(
    tricks: Any, file: BinaryIO, capfd: pytest.CaptureFixture[str]
) -> None:
    with DecoderProcesses(
        tricks.misbehaving, n_processes=1, timeout_s=1.0, memory_bytes=600 * MIB, warm_up=tricks.FailingWarmUp()
    ) as processes:
        with pytest.raises(DecoderProcessesError, match="do not start"):
            processes.run(READ, file)
        assert not processes.ready()
    assert "ModuleNotFoundError" in capfd.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere busy processes end after their task")
def test_children_die_with_their_parent_even_at_work() -> None:
    program = f"""
import sys, tempfile, threading, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
import decoder_tricks
from workers.extractor.decoder_processes import DecoderProcesses
processes = DecoderProcesses(
    decoder_tricks.misbehaving, n_processes=2, timeout_s=60, memory_bytes=2**30, warm_up=decoder_tricks.warmed
)
assert processes.ready(30)
file = tempfile.TemporaryFile()
threading.Thread(target=processes.run, args=(("hang", 60.0), file), daemon=True).start()
time.sleep(0.2)
sys.stdout.write("at work\\n")
sys.stdout.flush()
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"at work\n"
        family = psutil.Process(parent.pid).children(recursive=True)
        assert len(family) == 3
        parent.kill()
    _, alive = psutil.wait_procs(family, timeout=5.0)
    assert not alive


def test_restarting_takes_milliseconds_not_an_import(with_processes: Callable[..., Processes], file: BinaryIO) -> None:
    processes = with_processes()
    took_s = []
    for _ in range(5):
        began = time.monotonic()
        with pytest.raises(DecoderCrashedError):
            processes.run(("die", signal.SIGKILL), file)
        took_s.append((time.monotonic() - began) / 2)
    assert min(took_s) < 0.2


def test_many_threads_share_the_processes(with_processes: Callable[..., Processes], file: BinaryIO) -> None:
    processes = with_processes(n_processes=3)
    barrier = threading.Barrier(3)

    def read(_: int) -> int:
        barrier.wait(10.0)
        pid: int = processes.run(READ, file)[0]
        return pid

    with ThreadPoolExecutor(3) as threads:
        pids = list(threads.map(read, range(30)))

    assert set(pids) == processes.pids()
