import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.embedded.supervised import Supervised

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def eventually(condition: Callable[[], bool], within_s: float = 8.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_supervised_starts_a_process_again_and_says_so_when_it_is_killed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Supervised(tmp_path) as workers:
        workers.start("sleeper", ["sleep", "60"])
        first = workers.pids["sleeper"]
        assert first is not None
        os.kill(first, signal.SIGKILL)

        assert eventually(lambda: workers.pids["sleeper"] not in {None, first})

    assert workers.pids == {"sleeper": None}
    assert "sleeper ended with exit code -9 and starts again in 0.5 s" in caplog.text


def test_supervised_waits_longer_each_time_when_a_process_keeps_dying(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Supervised(tmp_path) as workers:
        workers.start("dying", ["/bin/sh", "-c", "exit 1"])

        assert eventually(lambda: "starts again in 2.0 s" in caplog.text)

    pauses = [record.args[2] for record in caplog.records if isinstance(record.args, tuple) and len(record.args) == 4]
    assert pauses == [0.5, 1.0, 2.0]


def test_supervised_gives_a_process_up_when_a_setting_is_wrong(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Supervised(tmp_path) as workers, caplog.at_level(logging.ERROR):
        workers.start("misled", ["/bin/sh", "-c", "exit 2"])
        workers.start("fine", ["sleep", "60"])

        assert eventually(lambda: workers.given_up == ("misled",))
        assert workers.pids["fine"] is not None

    assert "misled has a wrong setting and stays down" in caplog.text


def test_supervised_stops_all_at_once_and_in_time_when_some_ignore_sigterm(tmp_path: Path) -> None:
    with Supervised(tmp_path) as workers:
        for name in ("one", "two"):
            workers.start(name, [sys.executable, "-c", STUBBORN])
        logs = [tmp_path / "one.log", tmp_path / "two.log"]
        assert eventually(lambda: all(log.read_text() == "up\n" for log in logs))
        began = time.monotonic()
        workers.stop(within_s=0.5)

    assert time.monotonic() - began < 2.0
    assert workers.pids == {"one": None, "two": None}


def test_supervised_gives_a_process_the_environment_it_names(tmp_path: Path) -> None:
    with Supervised(tmp_path) as workers:
        workers.start("speaker", ["/bin/sh", "-c", "echo $NEEDLEDROP_X; sleep 60"], env={"NEEDLEDROP_X": "42"})

        assert eventually(lambda: (tmp_path / "speaker.log").read_text() == "42\n")


def test_supervised_refuses_a_name_that_is_taken(tmp_path: Path) -> None:
    with Supervised(tmp_path) as workers:
        workers.start("sleeper", ["sleep", "60"])

        with pytest.raises(ValueError, match="sleeper is supervised already"):
            workers.start("sleeper", ["sleep", "60"])
