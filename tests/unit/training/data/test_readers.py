from pathlib import Path

import pytest

from schemas.errors import InvalidSettingError
from training.data.reading import read_data_set
from training.data.tracks import FaultKind, Split

HEADER = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\n"


def _jamendo(folder: Path) -> None:
    (folder / "train.tsv").write_text(HEADER + "t1\ta1\tb1\t01/1.mp3\t30.0\tgenre---rock\tmood---happy\n")
    (folder / "valid.tsv").write_text(HEADER + "t2\ta2\tb2\t02/2.mp3\t30.0\tgenre---jazz\n")
    (folder / "test.tsv").write_text(HEADER + "t3\ta3\tb3\t03/3.mp3\t30.0\tgenre---rock\t\t\nt1\ta1\tb1\tx.mp3\t1\tq\n")


def test_jamendo_tags_are_one_a_column_and_splits_one_a_file(tmp_path: Path) -> None:
    _jamendo(tmp_path)
    (tmp_path / "audio" / "01").mkdir(parents=True)
    (tmp_path / "audio" / "01" / "1.mp3").touch()

    data = read_data_set(tmp_path)

    assert data.form == "MTG-Jamendo"
    assert data.has_splits
    assert [(t.track_id, t.artist, t.tags, t.split) for t in data.tracks] == [
        ("t3", "a3", ("genre---rock",), Split.TEST),
        ("t1", "a1", ("q",), Split.TEST),
        ("t2", "a2", ("genre---jazz",), Split.VALIDATION),
    ]
    assert [fault.kind for fault in data.faults] == [FaultKind.DUPLICATE_ID]


def test_jamendo_audio_is_looked_for_beside_the_table_and_under_audio(tmp_path: Path) -> None:
    (tmp_path / "audio" / "01").mkdir(parents=True)
    (tmp_path / "audio" / "01" / "1.mp3").touch()
    table = tmp_path / "autotagging_genre.tsv"
    table.write_text(HEADER + "t1\ta1\tb1\t01/1.mp3\t30.0\trock\nt2\ta2\tb2\t02/2.mp3\t30.0\tjazz\n")

    data = read_data_set(table)

    assert [track.audio for track in data.tracks] == [tmp_path / "audio" / "01" / "1.mp3", tmp_path / "02" / "2.mp3"]
    assert not data.has_splits


def test_two_files_of_one_split_are_refused(tmp_path: Path) -> None:
    _jamendo(tmp_path)
    (tmp_path / "split-0-train.tsv").write_text(HEADER)

    with pytest.raises(InvalidSettingError, match="two files of the split train"):
        read_data_set(tmp_path)


def test_label_table_has_tags_in_a_cell_and_may_have_groups_and_splits(tmp_path: Path) -> None:
    (tmp_path / "LABELS.tsv").write_text(
        "file\ttags\tgroup\tsplit\na.ogg\trock, loud\tx\ttrain\nb.ogg\t\tx\tvalid\n\trock\t\t\na.ogg\tpop\ty\ttest\n"
        "c.ogg\tjazz\t\tlater\n"
    )

    data = read_data_set(tmp_path)

    assert [(t.track_id, t.tags, t.artist, t.split) for t in data.tracks] == [
        ("a.ogg", ("rock", "loud"), "x", Split.TRAIN),
        ("b.ogg", (), "x", Split.VALIDATION),
        ("c.ogg", ("jazz",), None, None),
    ]
    assert [fault.kind for fault in data.faults] == [
        FaultKind.NO_TAGS,
        FaultKind.BLANK_CELL,
        FaultKind.DUPLICATE_ID,
        FaultKind.ODD_VALUE,
        FaultKind.ODD_VALUE,
    ]
    assert data.faults[-2].why == "split is 'later', not train, validation or test"
    assert data.faults[-1].why.startswith("1 of 3 files have no split")
    assert not data.has_splits


def test_label_table_with_commas_between_cells_needs_quotes_where_commas_are_inside(tmp_path: Path) -> None:
    (tmp_path / "LABELS.tsv").write_text(
        'file,tags,group\na.ogg,"rock, loud",x\nb.ogg,rock,loud,x\nc.ogg,jazz,\n', encoding="utf-8"
    )
    (tmp_path / "last.tsv").write_text("file,tags\na.ogg,rock,loud\n", encoding="utf-8")

    data, last = read_data_set(tmp_path), read_data_set(tmp_path / "last.tsv")

    assert [(t.track_id, t.tags, t.artist) for t in data.tracks] == [
        ("a.ogg", ("rock", "loud"), "x"),
        ("c.ogg", ("jazz",), None),
    ]
    assert [(fault.kind, fault.where) for fault in data.faults] == [
        (FaultKind.COMMA_FILE, "LABELS.tsv"),
        (FaultKind.UNREADABLE_ROW, "LABELS.tsv, line 3"),
    ]
    assert "needs quotes" in data.faults[1].why
    assert [t.tags for t in last.tracks] == [("rock", "loud")]


@pytest.mark.parametrize("content", [b"fLaC\0\0\0\x22", "file\ttags\na.ogg\trock\n".encode("utf-16")])
def test_file_that_is_no_text_is_refused_in_a_few_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "LABELS.tsv").write_bytes(content)

    with pytest.raises(InvalidSettingError, match=r"LABELS.tsv is no table: it is not text in UTF-8$"):
        read_data_set(tmp_path)


@pytest.mark.parametrize(("file", "said"), [("manifest.json", "prepared already"), ("audio/00000.pcm", "to the end")])
def test_prepared_folder_is_told_from_a_data_set(tmp_path: Path, file: str, said: str) -> None:
    (tmp_path / "audio").mkdir()
    (tmp_path / file).touch()

    with pytest.raises(InvalidSettingError, match=said):
        read_data_set(tmp_path)


def test_label_table_may_say_genre_as_the_one_for_evaluate_does(tmp_path: Path) -> None:
    (tmp_path / "mine.tsv").write_text("file\tgenre\na.ogg\trock\n")

    assert read_data_set(tmp_path / "mine.tsv").tracks[0].tags == ("rock",)


@pytest.mark.parametrize("content", ["", "file\tlength\na.ogg\t3\n"])
def test_table_without_tags_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "LABELS.tsv").write_text(content)

    with pytest.raises(InvalidSettingError, match=r"LABELS.tsv"):
        read_data_set(tmp_path)


def test_folder_that_is_no_data_set_says_what_one_would_be(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError, match=r"neither Music4All .* nor a folder with a LABELS.tsv"):
        read_data_set(tmp_path)
