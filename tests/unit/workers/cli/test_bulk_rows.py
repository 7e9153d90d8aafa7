import json
from pathlib import Path

import pytest

from schemas.errors import InvalidSettingError
from workers.cli.bulk_rows import BadRow, TrackRow, csv_rows, json_rows, music4all_rows


def test_json_lines_name_tracks_and_bad_ones_say_what_is_wrong() -> None:
    lines = [
        json.dumps({"track_id": "t1", "uri": "s3://bucket/a.ogg", "year": 1959, "attributes": {"library": "x"}}),
        "",
        "{",
        "[]",
        json.dumps({"uri": "s3://bucket/a.ogg"}),
        json.dumps({"track_id": "t2", "uri": "s3://bucket/b.ogg", "replay_of": "s1"}),
        json.dumps(
            {"track_id": "t3", "uri": "s3://b/c.ogg", "submission_id": "s3", "submitted_at": "2026-01-01T00:00Z"}
        ),
    ]

    good, no_json, no_object, no_id, linked, third = json_rows(lines)

    assert isinstance(good, TrackRow)
    assert (good.line, good.event.track_id, good.event.year, good.event.attributes) == (1, "t1", 1959, {"library": "x"})
    assert isinstance(no_json, BadRow)
    assert no_json.line == 3
    assert "no JSON" in no_json.why
    assert no_object == BadRow(4, "no JSON object")
    assert no_id == BadRow(5, "track_id: Field required")
    assert linked == BadRow(6, "replay_of is not for a file to say")
    assert isinstance(third, TrackRow)
    assert third.event.submission_id == "s3"


@pytest.mark.parametrize("separator", [",", "\t"])
def test_csv_columns_that_are_no_fields_are_attributes(separator: str) -> None:
    table = [
        ["track_id", "uri", "title", "shelf"],
        ["t1", "file:///a.ogg", "So What", "B2"],
        ["", "file:///b.ogg", "", ""],
    ]
    good, bad = csv_rows(separator.join(row) + "\n" for row in table)

    assert isinstance(good, TrackRow)
    assert (good.event.title, good.event.attributes) == ("So What", {"shelf": "B2"})
    assert bad == BadRow(3, "track_id: Field required")


def test_csv_without_a_column_for_the_uri_is_refused() -> None:
    with pytest.raises(InvalidSettingError, match="no column 'uri'"):
        list(csv_rows(["track_id,url\n", "t1,file:///a.ogg\n"]))


@pytest.fixture
def music4all(tmp_path: Path) -> Path:
    """A copy in the format of the real one: tab-separated .csv files, rows in any order."""
    ids = ("0009fFIM1eYThaPg", "00A0aaaaaaaaaaaa", "00B0bbbbbbbbbbbb")
    tables = {
        "id_information.csv": [
            "id\tartist\tsong\talbum_name",
            *(f'{one}\tQueen\tA "song", {one}\tAlbum' for one in ids),
        ],
        "id_metadata.csv": ["id\tspotify_id\tpopularity\trelease", *(f"{one}\tsp{one}\t5\t1977" for one in ids[::-1])],
        "id_genres.csv": ["id\tgenres", *(f"{one}\thard rock,rock" for one in ids)],
        "id_tags.csv": ["id\ttags", *(f"{one}\tcatchy,{'x' * 2000}" for one in ids)],
        "id_lang.csv": ["id\tlang", *(f"{one}\ten" for one in ids)],
    }
    for name, rows in tables.items():
        (tmp_path / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "audios").mkdir()
    for one in ids:
        (tmp_path / "audios" / f"{one}.mp3").touch()
    return tmp_path


def test_music4all_gives_ids_names_year_genres_and_tags(music4all: Path) -> None:
    first, *others = music4all_rows(music4all)

    assert isinstance(first, TrackRow)
    event = first.event
    assert event.track_id == "0009fFIM1eYThaPg"
    assert event.uri == (music4all / "audios" / "0009fFIM1eYThaPg.mp3").as_uri()
    assert (event.artist, event.title, event.album) == ("Queen", 'A "song", 0009fFIM1eYThaPg', "Album")
    assert (event.year, event.spotify_id) == (1977, "sp0009fFIM1eYThaPg")
    assert event.attributes
    assert (event.attributes["genres"], event.attributes["language"]) == ("hard rock,rock", "en")
    assert len(event.attributes["tags"]) == 1024
    assert all(isinstance(one, TrackRow) for one in others)


def test_music4all_rows_without_audio_twice_or_without_an_id_are_bad(music4all: Path) -> None:
    (music4all / "audios" / "00A0aaaaaaaaaaaa.mp3").unlink()
    with (music4all / "id_information.csv").open("a", encoding="utf-8") as file:
        file.write("0009fFIM1eYThaPg\tQueen\tAgain\tAlbum\n../../etc/passwd\tQueen\tX\tAlbum\n")

    bad = [row for row in music4all_rows(music4all) if isinstance(row, BadRow)]

    assert bad == [
        BadRow(3, "00A0aaaaaaaaaaaa has no audios/00A0aaaaaaaaaaaa.mp3"),
        BadRow(5, "0009fFIM1eYThaPg is there twice"),
        BadRow(6, "'../../etc/passwd' is no id"),
    ]


def test_folder_that_is_no_music4all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError, match=r"id_metadata\.csv: No such file"):
        list(music4all_rows(tmp_path))
