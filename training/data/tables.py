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


def read_table(path: Path, required: Sequence[str]) -> Table:
    """Read a table; short rows and a file of commas become faults.

    Args:
        path: UTF-8, with or without a byte order mark.
        required: columns without which it is of no use, in lower case.
    Raises: InvalidSettingError when the file cannot be read or has none of these columns, with tabs or with commas.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise InvalidSettingError(f"cannot read {path}: {error.strerror}") from error
    header = lines[0] if lines else ""
    faults: list[Fault] = []
    split: Callable[[str, int | None], list[str]] = _by_tabs
    if "\t" not in header and "," in header:
        split = _by_commas
        why = "its header has commas and no tab; it was read with commas, the last column taking what is over"
        faults.append(Fault(kind=FaultKind.COMMA_FILE, where=path.name, why=why))
    columns = tuple(name.strip().lower() for name in split(header, None))
    if missing := [name for name in required if name not in columns]:
        raise InvalidSettingError(
            f"{path} has no column {missing[0]!r}; its first line names {', '.join(columns) or 'nothing'}"
        )
    table = Table(path, columns, [], faults)
    for number, line in enumerate(lines[1:], start=2):
        if line.strip():
            table.rows.extend(_row(table, number, split(line, len(columns)), len(required)))
    return table


def _row(table: Table, number: int, cells: list[str], n_needed: int) -> Iterator[Row]:
    cells = [cell.strip() for cell in cells]
    if len(cells) < n_needed:
        why = f"{len(cells)} cells, the header has {len(table.columns)}"
        table.faults.append(Fault(kind=FaultKind.UNREADABLE_ROW, where=f"{table.path.name}, line {number}", why=why))
        return
    width = len(table.columns)
    yield Row(line=number, cells=dict(zip(table.columns, cells, strict=False)), more=tuple(cells[width:]))


def _by_tabs(line: str, _: int | None) -> list[str]:
    return line.split("\t")


def _by_commas(line: str, n_columns: int | None) -> list[str]:
    """Quoted as spreadsheets do; what is over belongs to the last column, whose cells may have commas inside."""
    cells = next(csv.reader([line]))
    if n_columns is not None and len(cells) > n_columns:
        cells = [*cells[: n_columns - 1], ",".join(cells[n_columns - 1 :])]
    return cells
