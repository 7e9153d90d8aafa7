"""Tables of labelled tracks, as people write them: tab-separated columns with a header, one track a line."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass

from schemas.errors import InvalidSettingError
from schemas.taxonomy import Taxonomy

FILE, GENRE, GROUP = "file", "genre", "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabeledFile:
    """One line: an audio file, its genre in the taxonomy's names, and what it shares with others (artist, source)."""

    line: int
    file: str
    genre: str
    group: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedLine:
    """A line that cannot be used, and why."""

    line: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFile:
    """What a table says.

    Attributes:
        tracks: the usable lines, in their order.
        unused: the others.
        grouped: whether the table has the column of groups.
    """

    tracks: tuple[LabeledFile, ...]
    unused: tuple[UnusedLine, ...]
    grouped: bool


def label_file(lines: Iterable[str], taxonomy: Taxonomy, group: str | None = None) -> LabelFile:
    """Read a table with the columns ``file`` and ``genre``; others are ignored.

    Args:
        lines: of the table, its header first.
        taxonomy: by which genres may be written: any name, alias or subgenre, in any spelling.
        group: the column that says what tracks share; None for ``group``, if there is one. A track that has an empty
            one shares nothing: it is a group of its own.

    Raises: InvalidSettingError when a column is missing.
    """
    table = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    header = [name.strip().lower() for name in next(table, [])]
    header[:1] = [name.removeprefix("\ufeff") for name in header[:1]]  # spreadsheets write a byte order mark
    column = (group or GROUP).lower()
    needed = [FILE, GENRE] if group is None else [FILE, GENRE, column]
    if missing := [name for name in needed if name not in header]:
        raise InvalidSettingError(
            f"the first line of a label file names its tab-separated columns: {', '.join(missing)} is not among "
            f"{header or 'nothing'}"
        )
    tracks: list[LabeledFile] = []
    unused: list[UnusedLine] = []
    for cells in table:
        row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
        if not any(row.values()):
            continue
        line, file, word = table.line_num, row.get(FILE, ""), row.get(GENRE, "")
        genre = taxonomy.genre_named(word)
        if not file:
            unused.append(UnusedLine(line=line, why="names no file"))
        elif genre is None:
            unused.append(UnusedLine(line=line, why=f"{word!r} is no genre, alias or subgenre of the taxonomy"))
        else:
            shared = row.get(column) or f"{file} alone"
            tracks.append(LabeledFile(line=line, file=file, genre=genre, group=shared if column in header else None))
    return LabelFile(tracks=tuple(tracks), unused=tuple(unused), grouped=column in header)
