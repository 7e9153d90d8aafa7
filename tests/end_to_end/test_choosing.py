"""What docs/choosing.md shows works as it stands: subscribers in Python and JavaScript, and every line of curl."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "choosing.md").read_text(encoding="utf-8")
NODE_MODULES = ROOT / "tests" / "contract" / "node_modules"
TRACK = "jazz/take-five.ogg"


def shown(language: str, mark: str) -> str:
    [code] = [one for one in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if mark in one]
    return str(code)


@pytest.fixture(scope="module")
def labeled_track(pipeline: Any, write_tune: Any) -> str:
    """The id of a track that the page names, labeled and in the catalog."""
    path = write_tune("choosing.ogg", seed=300)
    pipeline.outcomes(pipeline.submit((TRACK, path.as_uri())), within_s=90.0)

    def there() -> bool:
        address = f"http://127.0.0.1:{pipeline.stack.catalog_port}/api/track"
        asked = ["curl", "-s", "-G", "--data-urlencode", f"id={TRACK}", address]
        return '"labeled"' in subprocess.run(asked, capture_output=True, text=True, timeout=20, check=False).stdout

    pipeline.eventually(there, within_s=30.0)
    return TRACK


def line_about(track_id: str, command: list[str], within_s: float = 60.0) -> str:
    """The first line about a track that a program prints which would go on for ever; empty when there is none."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        watchdog = threading.Timer(within_s, process.kill)
        watchdog.start()
        try:
            return next((line for line in process.stdout if line.startswith(track_id)), "")
        finally:
            watchdog.cancel()
            process.kill()


def test_the_python_subscriber_prints_features(pipeline: Any, labeled_track: str) -> None:
    code = shown("python", "confluent_kafka").replace("localhost:9092", pipeline.stack.bootstrap_servers)

    assert "'tempo'" in line_about(labeled_track, [sys.executable, "-u", "-c", code])


def test_the_javascript_subscriber_prints_features(pipeline: Any, labeled_track: str, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (NODE_MODULES / "kafkajs").is_dir():
        must_run = os.environ.get("CI") == "true" or os.environ.get("NEEDLEDROP_TEST_ASYNCAPI") == "1"
        (pytest.fail if must_run else pytest.skip)("no node, or no kafkajs: npm install --prefix tests/contract")
    if pipeline.stack.embedded:
        pytest.skip("kafkajs wants a real Kafka")
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    program = tmp_path / "subscribe.mjs"
    # What it prints of an object is on several lines; the first one names the track.
    program.write_text(shown("js", "kafkajs").replace("localhost:9092", pipeline.stack.bootstrap_servers))

    assert line_about(labeled_track, [node, str(program)]).startswith(f"{labeled_track} {{")


def test_every_line_of_curl_is_answered(pipeline: Any, labeled_track: str, tmp_path: Path) -> None:
    lines = re.findall(r"^    (curl (?:.*\\\n)*.*)$", PAGE, re.MULTILINE)
    assert len(lines) >= 8
    address = f"127.0.0.1:{pipeline.stack.catalog_port}"
    answers = {}
    for line in lines:
        command = line.replace("127.0.0.1:9420", address).replace("curl ", "curl --fail-with-body -sS ", 1)
        done = subprocess.run(
            ["/bin/bash", "-c", command], capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        answers[line] = done.stdout

    [about] = [answer for line, answer in answers.items() if "/api/track?" in line]
    assert json.loads(about)["label"]["track_id"] == labeled_track
    assert (tmp_path / "quiet.m3u8").read_text().startswith("#EXTM3U")
