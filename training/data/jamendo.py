"""Reads MTG-Jamendo's and MediaEval's TSV files: TRACK_ID ARTIST_ID ALBUM_ID PATH DURATION TAGS, a tag a column.

Splits are files beside one another (``train.tsv``, ``valid.tsv`` or ``validation.tsv``, ``test.tsv``; MTG's names end
in ``-train.tsv`` and so on). Audio lies where PATH says, or under ``audio/``.
Source: Bogdanov et al., "The MTG-Jamendo Dataset for Automatic Music Tagging", ML4MD 2019.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from schemas.errors import InvalidSettingError
from training.data.tables import Table, read_table
from training.data.tracks import DataSet, Fault, FaultKind, Split, Track, distinct_tags

_COLUMNS: Final = ("track_id", "artist_id", "path", "tags")
_SPLITS: Final = {
    "train": Split.TRAIN,
    "valid": Split.VALIDATION,
    "validation": Split.VALIDATION,
    "test": Split.TEST,
}
_AUDIO_FOLDER: Final = "audio"


def jamendo_tables(folder: Path) -> Mapping[Path, Split]:
    """The split files of a folder, if it has one of each kind.

    Raises: InvalidSettingError when there are two of a kind: then somebody must say which by leaving one there.
    """
    found: dict[Path, Split] = {}
    for path in sorted(folder.glob("*.tsv")):
        split = _SPLITS.get(path.stem.rpartition("-")[2])
        if split is not None and split in found.values():
            raise InvalidSettingError(f"{folder} has two files of the split {split}; leave one of each in a folder")
        if split is not None:
            found[path] = split
    return found if len(found) == len(Split) else {}


def is_jamendo_table(path: Path) -> bool:
    """Whether a file begins like one of these."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as lines:
            return lines.readline().lower().startswith("track_id\t")
    except OSError:
        return False


def read_jamendo(tables: Mapping[Path, Split | None]) -> DataSet:
    """Read one table, or one a split.

    Raises: InvalidSettingError when a table cannot be read or has other columns.
    """
    faults: list[Fault] = []
    tracks: dict[str, Track] = {}
    for path, split in tables.items():
        table = read_table(path, _COLUMNS, lists=_COLUMNS[-1:])
        for track in _tracks(table, split):
            if track.track_id in tracks:
                why = f"{track.track_id} was there before, which counts"
                table.faults.append(Fault(kind=FaultKind.DUPLICATE_ID, where=path.name, why=why))
            else:
                tracks[track.track_id] = track
        faults += table.faults
    return DataSet(
        form="MTG-Jamendo", root=next(iter(tables)).parent, tracks=tuple(tracks.values()), faults=tuple(faults)
    )


def _tracks(table: Table, split: Split | None) -> Iterator[Track]:
    root = table.path.parent
    for row in table.rows:
        cells = row.cells
        if not cells["track_id"] or not cells["path"]:
            why = "no track id" if cells["path"] else "no path"
            table.faults.append(Fault(kind=FaultKind.BLANK_CELL, where=table.where(row), why=why))
            continue
        tags = distinct_tags([cells.get("tags", ""), *row.more])
        if not tags:
            table.faults.append(Fault(kind=FaultKind.NO_TAGS, where=table.where(row), why=f"{cells['track_id']}"))
        if not cells["artist_id"]:
            why = f"{cells['track_id']} counts as an artist of its own"
            table.faults.append(Fault(kind=FaultKind.NO_ARTIST, where=table.where(row), why=why))
        yield Track(
            track_id=cells["track_id"],
            audio=_audio(root, cells["path"]),
            tags=tags,
            artist=cells["artist_id"] or None,
            split=split,
        )


def _audio(root: Path, path: str) -> Path:
    beside = root / path
    return beside if beside.exists() or not (root / _AUDIO_FOLDER / path).exists() else root / _AUDIO_FOLDER / path
