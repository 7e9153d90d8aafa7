"""Tables of labelled tracks, as people write them."""

import pytest

from schemas.errors import InvalidSettingError
from schemas.taxonomy import default_taxonomy
from shared.evaluation.label_file import LabelFile, label_file


def read(text: str, group: str | None = None) -> LabelFile:
    return label_file(text.splitlines(keepends=True), default_taxonomy(), group)


def test_genres_are_read_in_any_spelling_alias_or_subgenre() -> None:
    table = read("file\tgenre\na.ogg\thiphop\nb.ogg\tR&B\nc.ogg\tdance\nd.ogg\tHard Rock\n")

    assert [track.genre for track in table.tracks] == ["hip-hop", "soul-rnb", "electronic", "rock"]
    assert [track.line for track in table.tracks] == [2, 3, 4, 5]
    assert {track.group for track in table.tracks} == {None}


def test_lines_that_cannot_be_used_are_told_with_their_number_and_do_not_stop_the_others() -> None:
    table = read("file\tgenre\na.ogg\tqwertz\n\n\tjazz\nb.ogg\nc.ogg\tjazz\n")

    assert [track.file for track in table.tracks] == ["c.ogg"]
    assert [(one.line, one.why) for one in table.unused] == [
        (2, "'qwertz' is no genre, alias or subgenre of the taxonomy"),
        (4, "names no file"),
        (5, "'' is no genre, alias or subgenre of the taxonomy"),
    ]


def test_columns_are_found_by_name_wherever_they_are() -> None:
    text = '\ufeffGenre\ttrust\tSource\tFILE\r\nmetal\tA\tan album\t12" mix.ogg\r\npop\tB\t\tx.ogg\r\n'

    [metal, pop] = read(text, group="source").tracks

    assert (metal.file, metal.genre, metal.group) == ('12" mix.ogg', "metal", "an album")
    assert pop.group not in (None, "", metal.group)  # shares nothing with anybody
    assert [track.group for track in read(text).tracks] == [None, None]


@pytest.mark.parametrize(
    ("text", "group", "missing"),
    [("", None, "file, genre"), ("a.ogg\tjazz\n", None, "file, genre"), ("file\tgenre\n", "artist", "artist")],
)
def test_table_without_a_needed_column_is_refused(text: str, group: str | None, missing: str) -> None:
    with pytest.raises(InvalidSettingError, match=f"{missing} is not among"):
        read(text, group)
