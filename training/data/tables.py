"""Tables as data sets have them: tab-separated, a header first; or with commas where tabs belong, which is a fault."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from schemas.errors import InvalidSettingError
from training.data.tracks import Fault, FaultKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line: its number, from 1, and its cells by lower-case column; what goes on beyond the header is in `more`."""

    line: int
    cells: dict[str, str]
    more: tuple[str, ...] = ()


@dataclass(slots=True)
class Table:
    """An open table and what was wrong with it so far."""

    path: Path
    columns: tuple[str, ...]
    rows: list[Row]
    faults: list[Fault] = field(default_factory=list)

    def where(self, row: Row) -> str:
        """Names a line for people."""
        return f"{self.path.name}, line {row.line}"


def read_table(path: Path, required: Sequence[str], lists: Sequence[str] = ()) -> Table:
    """Read a table; rows that are too short or too long and a file of commas become faults.

    Args:
        path: UTF-8, with or without a byte order mark.
        required: columns without which it is of no use, in lower case.
        lists: columns whose cells have commas inside: where commas are between cells, too, such a column that is the
            last takes all that is left.
    Raises: InvalidSettingError when the file cannot be read, is no text, or has none of these columns, with tabs or
        with commas.
    """
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InvalidSettingError(f"cannot read {path}: {error.strerror}") from error
    if "\0" in text:  # audio that was named by mistake, or UTF-16
        raise InvalidSettingError(f"{path} is no table: it is not text in UTF-8")
    lines = text.splitlines()
    header = lines[0] if lines else ""
    faults: list[Fault] = []
    split: Callable[[str], list[str]] = _by_tabs
    if "\t" not in header and "," in header:
        split = _by_commas
        why = "its header has commas and no tab; it was read with commas between cells"
        faults.append(Fault(kind=FaultKind.COMMA_FILE, where=path.name, why=why))
    columns = tuple(name.strip().lower() for name in split(header))
    if missing := [name for name in required if name not in columns]:
        raise InvalidSettingError(
            f"{path} has no column {missing[0]!r}; its first line names {', '.join(columns) or 'nothing'}"
        )
    table = Table(path, columns, [], faults)
    for number, line in enumerate(lines[1:], start=2):
        if line.strip():
            cells = split(line)
            if split is _by_commas and columns[-1] in lists:
                cells = [*cells[: len(columns) - 1], ",".join(cells[len(columns) - 1 :])]
            # Elsewhere nobody can say whose a cell is that is over.
            n_most = len(columns) if split is _by_commas else len(cells)
            table.rows.extend(_row(table, number, cells, len(required), n_most))
    return table


def _row(table: Table, number: int, cells: list[str], n_least: int, n_most: int) -> Iterator[Row]:
    cells, width = [cell.strip() for cell in cells], len(table.columns)
    if not n_least <= len(cells) <= n_most:
        why = f"{len(cells)} cells, the header has {width}"
        if len(cells) > width:
            why += "; a cell with a comma inside needs quotes, or the file tabs"
        table.faults.append(Fault(kind=FaultKind.UNREADABLE_ROW, where=f"{table.path.name}, line {number}", why=why))
        return
    yield Row(line=number, cells=dict(zip(table.columns, cells, strict=False)), more=tuple(cells[width:]))


def _by_tabs(line: str) -> list[str]:
    return line.split("\t")


def _by_commas(line: str) -> list[str]:
    """Quoted as spreadsheets do."""
    return next(csv.reader([line]))
