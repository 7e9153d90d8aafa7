"""`submit --jsonl` on a mock cluster: all rows arrive, also when it is killed in between."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from schemas.topics import TRACKS_SUBMITTED
from shared.kafka.ranges import RangeReader
from shared.settings.kafka import KafkaSettings

N_ROWS = 2200
BOUND = 700  # more than the journal moves by at once, so that a killed run has noted something
SUBMIT = [sys.executable, "-m", "workers.cli.main", "submit"]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "tracks.jsonl"
    lines = [json.dumps({"track_id": f"t{n}", "uri": f"s3://bucket/{n}.ogg"}) for n in range(N_ROWS)]
    path.write_text("\n".join([*lines[:5], "{", *lines[5:]]), encoding="utf-8")
    return path


@pytest.fixture
def settings(mock_bootstrap: Callable[[Mapping[str, int]], str]) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=mock_bootstrap({TRACKS_SUBMITTED.name: 2}), embedded=True)


def submit(settings: KafkaSettings, state: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "NEEDLEDROP_KAFKA_EMBEDDED": "true",
        "NEEDLEDROP_STATE": str(state),
    }
    return subprocess.Popen(
        [*SUBMIT, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def n_submitted(topic: RangeReader) -> int:
    return sum(high - low for low, high in topic.bounds(TRACKS_SUBMITTED.name).values())


def test_rest_of_the_rows_is_submitted_after_a_kill(settings: KafkaSettings, rows: Path, tmp_path: Path) -> None:
    with closing(RangeReader(settings)) as topic:
        # Nobody takes them, so it stops at the bound, and is killed there.
        first = submit(settings, tmp_path / "state", "--jsonl", str(rows), "--outstanding", str(BOUND))
        deadline = time.monotonic() + 60
        while n_submitted(topic) < BOUND:
            assert time.monotonic() < deadline, first.poll()
            time.sleep(0.05)
        first.kill()
        first.communicate(timeout=30)
        before = n_submitted(topic)

        second = submit(settings, tmp_path / "state", "--jsonl", str(rows), "--outstanding", "100000")
        out, said = second.communicate(timeout=60)

        ids = [
            record.key_text
            for partition, (low, high) in topic.bounds(TRACKS_SUBMITTED.name).items()
            for record in topic.between(TRACKS_SUBMITTED.name, partition, low, high)
        ]

    assert second.returncode == 0, said
    assert "going on behind line" in said
    assert before == BOUND
    assert json.loads(out)["submitted"] < N_ROWS
    assert set(ids) == {f"t{n}" for n in range(N_ROWS)}
    assert len(ids) == N_ROWS + BOUND - 500  # what was sent behind the journal's last note comes twice


def test_bad_rows_are_named_and_counted(settings: KafkaSettings, rows: Path, tmp_path: Path) -> None:
    done = submit(settings, tmp_path / "state", "--jsonl", str(rows), "--outstanding", "100000")
    out, said = done.communicate(timeout=60)

    assert json.loads(out) == {"submitted": N_ROWS, "skipped": 1}
    assert "line 6 skipped: no JSON" in said
    assert list((tmp_path / "state" / "journals").iterdir()) == []


def test_file_beside_a_path_is_refused(settings: KafkaSettings, rows: Path, tmp_path: Path) -> None:
    done = submit(settings, tmp_path / "state", "--jsonl", str(rows), "song.ogg")
    _, said = done.communicate(timeout=60)

    assert done.returncode == 2
    assert "by itself" in said
