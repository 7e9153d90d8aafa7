"""`needledrop data` with the extractor's own decoder processes, on a small copy of Music4All with its faults."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.training.conftest import (  # noqa: F401 - fixtures
    MISSING,
    N_CLIPS,
    NO_GENRE,
    UNDECODABLE,
    clip_id,
    music4all,
    write_clip,
)
from training.data.prepared import load_prepared
from training.data.report import shared_artists
from training.data.tracks import Split, Track
from workers.cli.main import app


def test_check_of_music4all_is_right_to_the_number(music4all: Path, tmp_path: Path) -> None:  # noqa: F811
    pytest.importorskip("matplotlib", reason="pictures need the extra plots")
    picture = tmp_path / "tags.png"

    answer = CliRunner().invoke(app, ["data", "check", str(music4all), "--json", "--picture", str(picture)])

    assert answer.exit_code == 0, answer.output
    report = json.loads(answer.stdout)
    assert (report["n_tracks"], report["n_usable"], report["n_artists"]) == (N_CLIPS, N_CLIPS - 3, N_CLIPS // 3)
    faults = {kind: [fault["where"] for fault in found] for kind, found in report["faults"].items()}
    assert faults == {
        "duplicate id": [f"id_information.csv, line {N_CLIPS + 2}"],
        "odd value": ["id_lang.csv"],
        "no tags": [clip_id(NO_GENRE)],
        "undecodable audio": [clip_id(UNDECODABLE)],
        "missing audio": [clip_id(MISSING)],
    }
    # 9 clips of each genre, without clips 3, 7 and 11, which are all three of folk; odd ones are rock, too.
    counts = {tag["tag"]: tag["n_tracks"] for tag in report["tags"]}
    assert counts == {"rock": 9 + 15, "jazz": 9, "techno": 9, "folk": 6}
    assert report["n_labels"] == sum(counts.values())
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_prepared_music4all_is_divided_by_artist(music4all: Path, tmp_path: Path) -> None:  # noqa: F811
    out = tmp_path / "prepared"

    answer = CliRunner().invoke(app, ["data", "prepare", str(music4all), "--out", str(out), "--processes", "2"])

    assert answer.exit_code == 0, answer.output
    assert f"{N_CLIPS - 3} tracks" in answer.stderr
    assert "undecodable audio" in answer.stderr
    data = load_prepared(out, verify=True)
    assert data.form == "Music4All"
    assert {split: len(data.of(split)) > 0 for split in Split} == dict.fromkeys(Split, True)
    tracks = [
        Track(track_id=t.track_id, audio=Path(t.track_id), tags=t.tags, artist=t.artist, split=t.split)
        for t in data.tracks
    ]
    assert shared_artists(tracks) == {}
    for track in data.tracks:
        assert abs(track.seconds - 1.5) < 0.1  # MP3 pads a little
        assert abs(data.samples(track)).max() > 0.1


def test_what_is_no_data_set_is_refused_in_one_line(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["data", "check", str(tmp_path)])

    assert answer.exit_code != 0
    assert "is no data set" in str(answer.exception)
