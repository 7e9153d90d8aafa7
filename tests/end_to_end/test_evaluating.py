"""`needledrop evaluate` as a person types it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def evaluate(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workers.cli.main", "evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240.0, check=False)


@pytest.fixture
def labels(write_tune: Any, music: Path, tmp_path: Path) -> Path:
    """Three tunes that say nothing of any genre, one that is none, and two lines of no use."""
    (music / "labelled").mkdir()
    for seed in (500, 501, 502):
        write_tune(f"labelled/{seed}.ogg", seed=seed)
    (music / "labelled" / "notes.mp3").write_text("not music\n" * 100)
    rows = ["file\tgenre\tgroup", "500.ogg\thiphop\ta", "501.ogg\tdance\tb", "502.ogg\treggae\tb"]
    bad = ["500.ogg\tqwertz\ta", "nowhere.ogg\tjazz\ta", "notes.mp3\tjazz\ta"]
    path = tmp_path / "labels.tsv"
    path.write_text("\n".join([*rows, *bad]) + "\n")
    return path


@pytest.mark.timeout(300)  # the models may have to be built first
def test_labelled_audio_is_scored_and_what_cannot_be_scored_is_told(labels: Path, music: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "out"

    done = evaluate(labels, "--audio", music / "labelled", "--out", out)

    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)
    assert scores == json.loads((out / "evaluation.json").read_text())
    for picture in ("confusion.png", "reliability.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")
    assert [(track["file"], track["genre"]) for track in scores["tracks"]] == [
        ("500.ogg", "hip-hop"),
        ("501.ogg", "electronic"),
        ("502.ogg", "reggae"),
    ]
    assert scores["inaudible_genres"] == ["reggae"]
    assert (scores["all"]["n"], scores["all"]["n_inaudible"], scores["audible"]["n"]) == (3, 1, 2)
    assert scores["all"]["group_top1"] is not None
    hits = [track["said"] == track["genre"] for track in scores["tracks"]]
    assert scores["all"]["top1"] == pytest.approx(sum(hits) / 3, abs=1e-4)
    assert [one["line"] for one in scores["unused"]] == [5, 6, 7]
    for line, why in ((5, "qwertz"), (6, "nowhere.ogg is not in"), (7, "undecodable_audio")):
        assert any(f"line {line}:" in told and why in told for told in done.stderr.splitlines())
