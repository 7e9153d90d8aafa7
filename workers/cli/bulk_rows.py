"""Rows of files that name many tracks: JSON lines, CSV, the tables of Music4All. One at a time, with their faults."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from pydantic import ValidationError

from schemas.errors import InvalidSettingError
from schemas.events import TrackSubmitted
from shared.evaluation.music4all import AUDIO_FOLDER, AUDIO_SUFFIX, METADATA_NAME

_LINKS: Final = ("replay_of", "relabel_of")  # conditional submissions are not for a file to make
_DESCRIBED: Final = frozenset(TrackSubmitted.model_fields) - set(_LINKS)
_ATTRIBUTE_CHARACTERS: Final = 1024
_INFORMATION: Final = "id_information.csv"
# What else Music4All says of a track, by table and column.
_MORE: Final = (
    (METADATA_NAME, "spotify_id"),
    (METADATA_NAME, "release"),
    ("id_genres.csv", "genres"),
    ("id_tags.csv", "tags"),
    ("id_lang.csv", "lang"),
)


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that names no track, and why."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class TrackRow:
    """A row's submission."""

    line: int
    event: TrackSubmitted


Row = TrackRow | BadRow


def json_rows(lines: Iterable[str]) -> Iterator[Row]:
    """One object a line, with the fields of TrackSubmitted; submission_id and submitted_at are made where missing."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except ValueError as error:
            yield BadRow(number, f"no JSON: {error}")
            continue
        yield _row(number, fields) if isinstance(fields, dict) else BadRow(number, "no JSON object")


def csv_rows(lines: Iterable[str]) -> Iterator[Row]:
    """A header, then a track a row, separated by commas or tabs; columns that TrackSubmitted has not are attributes.

    Raises: InvalidSettingError when there is no column for the id or the URI.
    """
    reading = iter(lines)
    header = next(reading, "")
    table = csv.DictReader(_again(header, reading), delimiter="\t" if "\t" in header else ",")
    _require(table.fieldnames, ("track_id", "uri"), "the CSV file")
    for cells in table:
        fields: dict[str, Any] = {}
        attributes: dict[str, str] = {}
        for name, cell in cells.items():
            if name is None or not cell:  # more cells than columns, or an empty one
                continue
            (fields if name in _DESCRIBED else attributes)[name] = cell
        yield _row(table.line_num, fields | ({"attributes": attributes} if attributes else {}))


def music4all_rows(folder: Path) -> Iterator[Row]:
    """The tracks of a copy of Music4All: ids, artists, titles, albums, years; genres, tags and language as attributes.

    The smaller tables are held in memory, some 50 MB.

    Raises: InvalidSettingError when a table is missing or is no such table.
    """
    more = [_column(folder / name, column) for name, column in _MORE]
    with _opened(folder / _INFORMATION) as file:
        table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        _require(table.fieldnames, ("id", "artist", "song", "album_name"), _INFORMATION)
        known: set[str] = set()
        for cells in table:
            track_id = cells["id"] or ""
            audio = folder / AUDIO_FOLDER / f"{track_id}{AUDIO_SUFFIX}"
            if not (track_id.isascii() and track_id.isalnum()):  # it becomes the name of a file
                yield BadRow(table.line_num, f"{track_id[:32]!r} is no id")
            elif track_id in known:
                yield BadRow(table.line_num, f"{track_id} is there twice")
            elif not audio.is_file():
                yield BadRow(table.line_num, f"{track_id} has no {audio.relative_to(folder)}")
            else:
                known.add(track_id)
                spotify_id, year, genres, tags, language = (column.get(track_id) for column in more)
                attributes = {"genres": genres, "tags": tags, "language": language}
                fields = {
                    "track_id": track_id,
                    "uri": audio.resolve().as_uri(),
                    "artist": cells["artist"],
                    "title": cells["song"],
                    "album": cells["album_name"],
                    "year": year,
                    "spotify_id": spotify_id,
                    "attributes": {name: text[:_ATTRIBUTE_CHARACTERS] for name, text in attributes.items() if text},
                }
                yield _row(table.line_num, {name: value for name, value in fields.items() if value})


def _row(line: int, fields: Mapping[str, Any]) -> Row:
    if linked := [name for name in _LINKS if fields.get(name)]:
        return BadRow(line, f"{linked[0]} is not for a file to say")
    made = {"submission_id": str(uuid4()), "submitted_at": datetime.now(UTC)}
    try:
        return TrackRow(line, TrackSubmitted.model_validate(made | dict(fields)))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(step) for step in fault["loc"]) or "the row"
        return BadRow(line, f"{place}: {fault['msg']}")


def _column(path: Path, column: str) -> dict[str, str]:
    """A column of one of Music4All's tables, by id."""
    with _opened(path) as file:
        table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        _require(table.fieldnames, ("id", column), path.name)
        return {cells["id"]: cells[column] for cells in table if cells["id"] and cells[column]}


def _opened(path: Path) -> Any:  # noqa: ANN401 - a text file
    try:
        return path.open(encoding="utf-8", errors="replace", newline="")
    except OSError as error:
        raise InvalidSettingError(f"{path}: {error.strerror}; Music4All's folder has its tables and audios/") from None


def _require(found: Iterable[str] | None, columns: Iterable[str], what: str) -> None:
    missing = [column for column in columns if column not in (found or ())]
    if missing:
        raise InvalidSettingError(f"{what} has no column {missing[0]!r} in its first line")


def _again(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def rows_of_file(path: Path, read: Callable[[Iterable[str]], Iterator[Row]]) -> Iterator[Row]:
    """The rows of a text file. Raises: InvalidSettingError when it cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            yield from read(file)
    except OSError as error:
        raise InvalidSettingError(f"{path}: {error.strerror}") from None
