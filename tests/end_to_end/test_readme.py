"""What README.md shows works as it stands there."""

import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def readme() -> str:
    return README.read_text(encoding="utf-8")


def first_line_of(command: list[str], within_s: float) -> str:
    """The first line that a program prints which would go on for ever; empty when there is none in time."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        watchdog = threading.Timer(within_s, process.kill)
        watchdog.start()
        try:
            return process.stdout.readline()
        finally:
            watchdog.cancel()
            process.kill()


def test_the_python_subscriber_prints_a_label(pipeline: Any, write_tune: Any, readme: str) -> None:
    [code] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    path = write_tune("readme.ogg", seed=200)
    pipeline.outcomes(pipeline.submit(("readme", path.as_uri())), within_s=90.0)

    code = code.replace("localhost:9092", pipeline.stack.bootstrap_servers)
    line = first_line_of([sys.executable, "-u", "-c", code], within_s=30.0)

    assert "'probability'" in line


def test_kcat_submits_and_subscribes(pipeline: Any, write_tune: Any, readme: str) -> None:
    if shutil.which("kcat") is None:
        pytest.skip("kcat is not installed")
    publish, subscribe = (
        next(block for block in re.findall(r"(?:    .*\n)+", readme) if mark in block) for mark in ("-P -t", "-C -t")
    )
    path = write_tune("kcat.ogg", seed=210)

    def run(command: str) -> subprocess.CompletedProcess[str]:
        command = command.replace("localhost:9092", pipeline.stack.bootstrap_servers)
        command = command.replace("https://example.org/a.ogg", path.as_uri()).replace("track-1", "kcat-1")
        return subprocess.run(["/bin/bash", "-c", command], capture_output=True, text=True, timeout=60.0, check=True)

    run(publish)
    pipeline.eventually(lambda: pipeline.view("kcat-1"), within_s=90.0)

    lines = run(subscribe.rstrip() + " -e").stdout.splitlines()  # -e: ends at the end
    assert any(line.startswith("kcat-1 {") for line in lines)
