"""Workers end, as processes: also when something in them never does."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

NEVER_ENDING_THREAD = """
import logging, sys, threading, time
from schemas.errors import InvalidSettingError, NeedledropError
from shared.lifecycle import run_until_signal

logging.basicConfig(level=logging.INFO)

def work(stop):
    threading.Thread(target=time.sleep, args=(600,)).start()
    print("at work", flush=True)
    {then}

sys.exit(run_until_signal(work))
"""


def started(then: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", NEVER_ENDING_THREAD.format(then=then)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout
    assert process.stdout.readline() == "at work\n"
    return process


ASKED_TO_STOP = [
    "stop.wait(600)",
    "time.sleep(600)",  # the main thread never looks at the event
    "__import__('ctypes').CDLL(None).sleep(600)",  # nor runs any Python
]
FAILING = ["raise NeedledropError('for once')", "raise InvalidSettingError('for once')"]


@pytest.fixture(scope="module")
def ends() -> dict[str, tuple[int, str]]:
    """Exit code and log of each; all at once, for each takes its nine seconds."""
    running = {then: started(then) for then in (*ASKED_TO_STOP, *FAILING)}
    for then in ASKED_TO_STOP:
        running[then].send_signal(signal.SIGTERM)
    found = {}
    for then, process in running.items():
        with process:
            _, said = process.communicate(timeout=60)
            found[then] = (process.returncode, said)
    return found


@pytest.mark.parametrize("then", ASKED_TO_STOP)
def test_a_worker_that_is_asked_to_stop_ends_though_a_thread_never_does(
    ends: dict[str, tuple[int, str]], then: str
) -> None:
    code, said = ends[then]

    assert code == 0
    assert "leaving now" in said


@pytest.mark.parametrize(("then", "expected"), list(zip(FAILING, (1, 2), strict=True)))
def test_a_worker_that_cannot_go_on_ends_with_its_code_though_a_thread_never_does(
    ends: dict[str, tuple[int, str]], then: str, expected: int
) -> None:
    code, said = ends[then]

    assert code == expected
    assert "for once" in said
