from pathlib import Path

import pytest

from schemas.errors import InvalidSettingError
from tests.unit.training.conftest import MISSING, N_CLIPS, NO_GENRE, TWICE, clip_id
from training.data.music4all import Labels, read_music4all
from training.data.reading import read_data_set
from training.data.tracks import FaultKind, tag_counts


def test_genres_are_split_at_the_commas_inside_a_tab_separated_cell(music4all: Path) -> None:
    data = read_data_set(music4all)

    assert data.form == "Music4All"
    assert len(data.tracks) == N_CLIPS
    by_id = {track.track_id: track for track in data.tracks}
    assert by_id[clip_id(1)].tags == ("jazz", "rock")
    assert by_id[clip_id(2)].tags == ("techno",)
    assert by_id[clip_id(4)].artist == "Artist, 1"
    assert by_id[clip_id(MISSING)].audio == music4all / "audios" / f"{clip_id(MISSING)}.mp3"
    # Of 36 clips a quarter is of each genre; every odd one is rock besides; the one without a genre is folk and rock.
    assert tag_counts(data.tracks) == {"rock": 9 + 17, "jazz": 9, "techno": 9, "folk": 8}


def test_each_fault_of_the_tables_is_named_and_none_is_fatal(music4all: Path) -> None:
    faults = {fault.kind: fault for fault in read_music4all(music4all).faults}

    assert set(faults) == {FaultKind.NO_TAGS, FaultKind.DUPLICATE_ID, FaultKind.ODD_VALUE}
    assert faults[FaultKind.NO_TAGS].where == clip_id(NO_GENRE)
    assert faults[FaultKind.DUPLICATE_ID].where == f"id_information.csv, line {N_CLIPS + 2}"
    assert f"line {TWICE + 2} already" in faults[FaultKind.DUPLICATE_ID].why
    assert "4 tracks have the language 'INTRUMENTAL'" in faults[FaultKind.ODD_VALUE].why


def test_tags_can_be_learnt_instead_of_genres_or_with_them(music4all: Path) -> None:
    tagged = {track.track_id: track.tags for track in read_music4all(music4all, Labels.TAGS).tracks}
    both = {track.track_id: track.tags for track in read_music4all(music4all, Labels.BOTH).tracks}

    assert tagged[clip_id(1)] == ("sad", "beautiful songs")
    assert both[clip_id(1)] == ("jazz", "rock", "sad", "beautiful songs")
    assert both[clip_id(NO_GENRE)] == ("sad", "beautiful songs")


def test_file_of_commas_where_tabs_belong_is_a_fault_and_is_read(music4all: Path, tmp_path: Path) -> None:
    for name in ("id_information.csv", "id_lang.csv"):
        (tmp_path / name).write_bytes((music4all / name).read_bytes())
    lines = (music4all / "id_genres.csv").read_text().replace("\t", ",")
    (tmp_path / "id_genres.csv").write_text(lines)

    data = read_music4all(tmp_path)

    assert [track.tags for track in data.tracks] == [track.tags for track in read_music4all(music4all).tracks]
    [fault] = [fault for fault in data.faults if fault.kind is FaultKind.COMMA_FILE]
    assert fault.where == "id_genres.csv"


def test_blank_artists_and_impossible_ids_are_faults(tmp_path: Path) -> None:
    (tmp_path / "id_information.csv").write_text("id\tartist\nabc\t\n../../etc\tQueen\nxyz\tQueen\nshort\n")
    (tmp_path / "id_genres.csv").write_text("id\tgenres\nabc\trock\nxyz\tpop, rock ,\n")

    data = read_music4all(tmp_path)

    assert [(track.track_id, track.artist, track.tags) for track in data.tracks] == [
        ("abc", None, ("rock",)),
        ("xyz", "Queen", ("pop", "rock")),
    ]
    assert [fault.kind for fault in data.faults] == [
        FaultKind.UNREADABLE_ROW,  # "short" has no artist's cell
        FaultKind.UNREADABLE_ROW,  # and this is no id
        FaultKind.MISSING_TABLE,
        FaultKind.BLANK_CELL,
    ]


def test_folder_without_a_needed_column_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "id_information.csv").write_text("song_id\tname\n1\tA\n")
    (tmp_path / "id_genres.csv").write_text("id\tgenres\n")

    with pytest.raises(InvalidSettingError, match=r"id_information.csv has no column 'id'"):
        read_music4all(tmp_path)
