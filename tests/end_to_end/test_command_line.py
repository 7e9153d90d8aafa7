"""The command line as a person types it, on the embedded stack."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

WITHIN_S = 100.0


@pytest.fixture(scope="module")
def folder(write_tune: Any, music: Path) -> Path:
    """Two tunes, and a file that is none."""
    (music / "album").mkdir()
    for seed in (400, 401):
        write_tune(f"album/{seed}.ogg", seed=seed)
    (music / "album" / "notes.mp3").write_text("not music\n" * 100)
    return music / "album"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A person's, whose stack keeps its files in a folder of this test."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("NEEDLEDROP_", "KAFKA_"))}
    models = os.environ["NEEDLEDROP_MODELS_FOLDER"]
    return {**ours, "NEEDLEDROP_STATE": str(tmp_path / "state"), "NEEDLEDROP_MODELS_FOLDER": models}


def needledrop(*arguments: object, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workers.cli.main", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=WITHIN_S, check=False)


@contextmanager
def running_up(folder: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """`needledrop up FOLDER` until the block ends, then Ctrl-C."""
    command = [sys.executable, "-u", "-m", "workers.cli.main", "up", str(folder)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert any("Ctrl-C ends" in line for line in process.stdout), "it ended before it was up"
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30.0) == 0


def test_demo_labels_a_folder_and_says_what_failed(folder: Path, environment: dict[str, str]) -> None:
    done = needledrop("demo", folder, environment=environment)

    assert done.returncode == 0, done.stderr
    assert "2 labeled, 1 failed" in done.stdout
    assert "undecodable_audio" in done.stdout
    assert done.stdout.count("labeled  album/") == 2


def test_label_gives_no_features_but_the_duration_where_they_are_not_wanted(
    folder: Path, environment: dict[str, str]
) -> None:
    tune = folder / "400.ogg"
    one, other = (
        json.loads(needledrop("label", "--json", tune, environment={**environment, **settings}).stdout)
        for settings in ({}, {"NEEDLEDROP_FEATURES_ENABLED": "false"})
    )

    assert len(one["features"]) > 12
    assert other["features"] == {"duration_ms": 3200}
    assert other["versions"]["features"] == "none"
    assert other["genres"] == one["genres"]


@pytest.mark.timeout(4 * WITHIN_S)
def test_up_serves_the_other_commands_and_keeps_views_over_a_stop(folder: Path, environment: dict[str, str]) -> None:
    with running_up(folder, environment):
        submitted = needledrop("submit", folder, environment=environment)
        assert submitted.returncode == 0, submitted.stderr
        ids = [json.loads(line)["track_id"] for line in submitted.stdout.splitlines()]
        assert ids == ["album/400.ogg", "album/401.ogg", "album/notes.mp3"]
        label = json.loads(outcome(ids[0], environment))
        failure = json.loads(outcome(ids[2], environment))
        assert label["genres"][0]["probability"] > 0
        assert failure["reason"] == "undecodable_audio"

        assert needledrop("delete", ids[1], environment=environment).returncode == 0
        until(lambda: needledrop("get", ids[1], environment=environment).returncode == 3)
        again = needledrop("up", folder, environment=environment)
        assert again.returncode == 2
        assert "runs already" in again.stderr

    with running_up(folder, environment):
        assert json.loads(outcome(ids[0], environment)) == label


def outcome(track_id: str, environment: dict[str, str]) -> str:
    until(lambda: needledrop("get", track_id, environment=environment).returncode == 0)
    return needledrop("get", track_id, environment=environment).stdout


def until(holds: Any) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "it did not become true in time"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("label", "nowhere.ogg"), "nowhere.ogg: no such file or folder"),
        (("submit", "nowhere"), "nowhere: no such file or folder"),
        (("label", "--ensemble", "nowhere", "https://example.org/a.ogg"), "needledrop models build"),
        (("submit", "https://example.org/a.ogg"), "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS"),
        (("get", "some-track"), "NEEDLEDROP_REDIS_URL"),
        (("models", "build", "--int8"), "name its FOLDER"),
        (("models", "build", "--int8", "ensemble", "--calibrate", "nowhere"), "nowhere: no such file or folder"),
        (("models", "build", "ensemble", "--calibrate", "nowhere"), "say --int8, too"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(
    arguments: tuple[str, ...], says: str, environment: dict[str, str]
) -> None:
    nobody = "127.0.0.1:1"  # a port that nothing listens on
    settings = {"NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": nobody, "NEEDLEDROP_REDIS_URL": f"redis://{nobody}/0"}

    done = needledrop(*arguments, environment={**environment, **settings})

    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_wrong_setting_is_named(environment: dict[str, str]) -> None:
    done = needledrop("worker", "extractor", environment={**environment, "NEEDLEDROP_KAFKA_BACKLOG_LIMIT": "plenty"})

    assert done.returncode == 2
    assert "NEEDLEDROP_KAFKA_BACKLOG_LIMIT" in done.stderr
    assert "Traceback" not in done.stderr
