"""Reads a Music4All folder: six tables named .csv that are tab-separated, audio in ``audios/<id>.mp3``.

Genres and tags are comma-separated inside a cell; an id is 16 letters and digits; language is ISO 639-1 or the
misspelt INTRUMENTAL. Nothing of the data set may be passed on, so nothing of it is here.
Source: Santana et al., "Music4All: A New Music Database and Its Applications", IWSSIP 2020.
"""

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Final

from schemas.errors import InvalidSettingError
from shared.evaluation.music4all import AUDIO_FOLDER, AUDIO_SUFFIX
from training.data.tables import Row, Table, read_table
from training.data.tracks import DataSet, Fault, FaultKind, Track, distinct_tags

INFORMATION, GENRES, TAGS, LANGUAGES = "id_information.csv", "id_genres.csv", "id_tags.csv", "id_lang.csv"
MISSPELT_LANGUAGE: Final = "INTRUMENTAL"  # of instrumental music, in every copy


class Labels(StrEnum):
    """Which of its two kinds of label are the tags to learn."""

    GENRES = "genres"
    TAGS = "tags"
    BOTH = "both"


_TABLES: Final = {
    Labels.GENRES: ((GENRES, "genres"),),
    Labels.TAGS: ((TAGS, "tags"),),
    Labels.BOTH: ((GENRES, "genres"), (TAGS, "tags")),
}


def is_music4all(folder: Path) -> bool:
    """Whether a folder looks like Music4All."""
    return (folder / INFORMATION).is_file() and any((folder / name).is_file() for name in (GENRES, TAGS))


def read_music4all(folder: Path, labels: Labels = Labels.GENRES) -> DataSet:
    """Read the folder.

    Raises: InvalidSettingError when a table that is needed is missing or has no header.
    """
    information = read_table(folder / INFORMATION, ["id", "artist"])
    rows, faults = _by_id(information), information.faults
    tagged: dict[str, tuple[str, ...]] = {}
    for name, column in _TABLES[labels]:
        table = read_table(folder / name, ["id", column], lists=[column])
        for track_id, row in _by_id(table).items():
            tagged[track_id] = (*tagged.get(track_id, ()), *row.cells.get(column, "").split(","))
        faults += table.faults
    faults += _language_faults(folder / LANGUAGES)
    tracks: list[Track] = []
    for track_id, row in rows.items():
        tags, artist = distinct_tags(tagged.get(track_id, ())), row.cells.get("artist")
        if not tags:
            faults.append(Fault(kind=FaultKind.NO_TAGS, where=track_id, why=f"no {labels} in the tables"))
        if not artist:
            why = "artist is blank; it counts as an artist of its own"
            faults.append(Fault(kind=FaultKind.BLANK_CELL, where=information.where(row), why=why))
        audio = folder / AUDIO_FOLDER / f"{track_id}{AUDIO_SUFFIX}"
        tracks.append(Track(track_id=track_id, audio=audio, tags=tags, artist=artist or None))
    return DataSet(form="Music4All", root=folder, tracks=tuple(tracks), faults=tuple(faults))


def _by_id(table: Table) -> dict[str, Row]:
    """The first row of each id; others and ids that are none become faults."""
    rows: dict[str, Row] = {}
    for row in table.rows:
        track_id = row.cells["id"]
        if not (track_id.isascii() and track_id.isalnum()):  # it becomes the name of a file
            why = f"{track_id[:32]!r} is no id of letters and digits"
            table.faults.append(Fault(kind=FaultKind.UNREADABLE_ROW, where=table.where(row), why=why))
        elif track_id in rows:
            why = f"{track_id} is in line {rows[track_id].line} already, which counts"
            table.faults.append(Fault(kind=FaultKind.DUPLICATE_ID, where=table.where(row), why=why))
        else:
            rows[track_id] = row
    return rows


def _language_faults(path: Path) -> list[Fault]:
    """The table of languages is not learnt from, but a check of the folder looks at it."""
    try:
        table = read_table(path, ["id", "lang"])
    except InvalidSettingError as error:
        return [Fault(kind=FaultKind.MISSING_TABLE, where=path.name, why=str(error))]
    found = Counter(row.cells["lang"] for row in table.rows)
    if found[MISSPELT_LANGUAGE]:
        why = f"{found[MISSPELT_LANGUAGE]} tracks have the language {MISSPELT_LANGUAGE!r}: it means instrumental"
        table.faults.append(Fault(kind=FaultKind.ODD_VALUE, where=path.name, why=why))
    return table.faults
