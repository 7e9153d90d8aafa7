"""Reads a plain LABELS.tsv: columns ``file`` and ``tags`` (or ``genre``), optionally ``group`` and ``split``.

Tags are comma-separated inside their cell. The group is what must not be in two splits: an artist, a source.
"""

from pathlib import Path
from typing import Final

from schemas.errors import InvalidSettingError
from shared.evaluation.label_file import FILE, GENRE, GROUP
from training.data.tables import read_table
from training.data.tracks import DataSet, Fault, FaultKind, Split, Track, distinct_tags

TAGS, SPLIT = "tags", "split"
_SPLIT_WORDS: Final = {
    "train": Split.TRAIN,
    "valid": Split.VALIDATION,
    "validation": Split.VALIDATION,
    "test": Split.TEST,
}


def read_label_table(path: Path) -> DataSet:
    """Read it; audio is relative to its folder.

    Raises: InvalidSettingError when it cannot be read or has neither tags nor a genre.
    """
    table = read_table(path, [FILE], lists=(TAGS, GENRE))
    column = next((name for name in (TAGS, GENRE) if name in table.columns), None)
    if column is None:
        raise InvalidSettingError(f"{path} has neither a column {TAGS!r} nor {GENRE!r}: {', '.join(table.columns)}")
    tracks: dict[str, Track] = {}
    for row in table.rows:
        file, where = row.cells.get(FILE, ""), table.where(row)
        if not file:
            table.faults.append(Fault(kind=FaultKind.BLANK_CELL, where=where, why="names no file"))
            continue
        if file in tracks:
            table.faults.append(Fault(kind=FaultKind.DUPLICATE_ID, where=where, why=f"{file} was there before"))
            continue
        tags = distinct_tags(
            [*row.cells.get(column, "").split(","), *(row.more if column == table.columns[-1] else ())]
        )
        if not tags:
            table.faults.append(Fault(kind=FaultKind.NO_TAGS, where=where, why=file))
        word = row.cells.get(SPLIT, "").lower()
        if word and word not in _SPLIT_WORDS:
            why = f"split is {word!r}, not train, validation or test"
            table.faults.append(Fault(kind=FaultKind.ODD_VALUE, where=where, why=why))
        tracks[file] = Track(
            track_id=file,
            audio=path.parent / file,
            tags=tags,
            artist=row.cells.get(GROUP) or None,
            split=_SPLIT_WORDS.get(word),
        )
    n_without = sum(track.split is None for track in tracks.values())
    if 0 < n_without < len(tracks):
        why = f"{n_without} of {len(tracks)} files have no split: none of the table's counts, all are split anew"
        table.faults.append(Fault(kind=FaultKind.ODD_VALUE, where=path.name, why=why))
    return DataSet(form="LABELS.tsv", root=path.parent, tracks=tuple(tracks.values()), faults=tuple(table.faults))
