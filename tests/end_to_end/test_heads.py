"""A head from labelled audio to labels over Kafka, as a person makes it."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from schemas.events import TrackLabeled

WITHIN_S = 300.0
RATE_HZ = 16_000
# One of them has no word in the default ensemble, which therefore never says it.
SOUNDS = {"ambient": "chords", "reggae": "clicks", "metal": "roar"}


def write_sound(path: Path, sound: str, seed: int) -> Path:
    """Six seconds of one of three sounds that nobody confuses."""
    rng = np.random.default_rng(seed)
    t = np.arange(6 * RATE_HZ) / RATE_HZ
    if sound == "chords":
        notes = 110 * 2 ** (rng.choice(24, size=4, replace=False) / 12)
        samples = sum(np.sin(2 * np.pi * note * t) for note in notes) * (
            1 + np.sin(2 * np.pi * rng.uniform(0.2, 0.4) * t)
        )
    elif sound == "clicks":
        beat_s = rng.uniform(0.2, 0.4)
        samples = rng.standard_normal(t.size) * np.exp(-60 * (t % beat_s)) * 4
    else:
        pitch = 82 * 2 ** (np.repeat(rng.integers(0, 8, 24), t.size // 24) / 12)
        samples = 3 * np.tanh(8 * np.sin(2 * np.pi * np.cumsum(pitch) / RATE_HZ)) + rng.standard_normal(t.size)
    soundfile.write(path, (0.1 * np.asarray(samples)).clip(-1, 1).astype(np.float32), RATE_HZ)
    return path


def needledrop(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workers.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False, env=os.environ)


@pytest.fixture(scope="module")
def labels(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four artists, of whom each made two tracks of each genre, or of two."""
    folder = music / "heads"
    folder.mkdir()
    rows = ["file\tgenre\tartist"]
    for artist in range(4):
        for i, (genre, sound) in enumerate(SOUNDS.items()):
            for number in range(2):
                name = f"{artist}-{sound}-{number}.flac"
                write_sound(folder / name, sound, seed=100 * artist + 10 * i + number)
                rows.append(f"{name}\t{genre}\tartist {artist}")
    path = tmp_path_factory.mktemp("labels") / "labels.tsv"
    path.write_text("\n".join(rows) + "\n")
    return path


@dataclass(frozen=True)
class Trained:
    """A head, as `head train` left it."""

    ensemble: Path
    report: dict[str, Any]


@pytest.fixture(scope="module")
def trained(labels: Path, music: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """On all tracks of all artists."""
    ensemble = tmp_path_factory.mktemp("trained") / "ensemble"
    done = needledrop("head", "train", labels, "--audio", music / "heads", "--group", "artist", "--out", ensemble)
    assert done.returncode == 0, done.stderr
    return Trained(ensemble, json.loads(done.stdout))


@pytest.mark.timeout(3 * WITHIN_S)
def test_head_is_better_on_artists_never_heard_than_labels_without_it(trained: Trained) -> None:
    report = trained.report
    assert (report["tracks"], report["groups"], report["untested_genres"]) == (24, 4, [])
    before, after = (report["scores"][name]["balanced_accuracy"] for name in ("without the head", "both"))
    assert before < 0.7
    assert after == 1.0
    assert report["gain"] == pytest.approx(after - before, abs=1e-4)

    listed = json.loads(needledrop("models", "list", trained.ensemble).stdout)
    assert "reggae" in listed["can_hear"]
    assert listed["members"][-1] == "genre_head"


@pytest.mark.timeout(3 * WITHIN_S)
def test_workers_label_by_the_head_and_labels_carry_the_embedding_that_the_settings_name(
    trained: Trained, music: Path, own_pipeline: Callable[..., Any]
) -> None:
    new = {sound: write_sound(music / "heads" / f"new-{sound}.flac", sound, seed=999) for sound in SOUNDS.values()}
    in_process = needledrop("label", "--json", "--ensemble", trained.ensemble, *new.values())
    assert in_process.returncode == 0, in_process.stderr
    found = {Path(one["path"]).name: one for one in map(json.loads, in_process.stdout.splitlines())}
    for genre, sound in SOUNDS.items():
        assert found[f"new-{sound}.flac"]["genres"][0]["genre"] == genre

    settings = {
        "NEEDLEDROP_MODELS_ENSEMBLE": str(trained.ensemble),
        "NEEDLEDROP_MODELS_EMBEDDING": "MTT_musicnn/embedding",
    }
    with own_pipeline(**settings) as pipeline:
        submissions = pipeline.submit(*((sound, path.as_uri()) for sound, path in new.items()))
        outcomes = pipeline.outcomes(submissions, within_s=WITHIN_S)
        for submission, (genre, sound) in zip(submissions, SOUNDS.items(), strict=True):
            label = outcomes[submission]
            assert isinstance(label, TrackLabeled)
            assert label.genres[0].genre == genre
            expected = {one["genre"]: one["probability"] for one in found[f"new-{sound}.flac"]["genres"]}
            assert {one.genre: one.probability for one in label.genres} == pytest.approx(expected, abs=1e-4)
            assert label.embedding is not None
            assert np.isfinite(np.frombuffer(base64.b64decode(label.embedding), "<f2")).sum() == 200


@pytest.mark.timeout(2 * WITHIN_S)
def test_second_run_hears_nothing_again(trained: Trained, labels: Path, music: Path, tmp_path: Path) -> None:
    kept = sorted(Path(os.environ["NEEDLEDROP_MODELS_FOLDER"], "heard").rglob("*.npz"))
    before = [path.stat().st_mtime_ns for path in kept]

    again = needledrop("head", "train", labels, "--audio", music / "heads", "--group", "artist", "--out", tmp_path)

    assert json.loads(again.stdout) == trained.report
    assert len(kept) == 24
    assert [path.stat().st_mtime_ns for path in kept] == before


@pytest.mark.timeout(2 * WITHIN_S)
def test_head_that_makes_labels_no_better_is_not_written(
    trained: Trained, labels: Path, music: Path, tmp_path: Path
) -> None:
    train = ("head", "train", labels, "--audio", music / "heads", "--group", "artist", "--out", tmp_path / "out")

    done = needledrop(*train, "--ensemble", trained.ensemble, "--name", "another")

    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert report["scores"]["without the head"]["top1"] == 1.0  # one head is enough
    assert (report["gain"], report["version"]) == (0.0, None)
    assert not (tmp_path / "out").exists()
