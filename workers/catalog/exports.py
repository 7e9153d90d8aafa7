"""Selections as files: playlists (M3U8, JSPF) and tables (CSV, JSON, Parquet)."""

import csv
import io
import json
import math
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import duckdb

from workers.catalog.rows import FEATURES, NUMBERS, Row, Vocabulary

# Of a text in a line-based playlist.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_TEXTS: Final = ("id", "title", "artist", "album", "isrc", "spotify_id", "uri", "genre")
_NUMBERS: Final = ("year", "confidence", "unsure", *FEATURES)
COLUMNS: Final = (*_TEXTS, *_NUMBERS)

_TEXT_LIST: Final = duckdb.list_type("VARCHAR")
_NUMBER_LIST: Final = duckdb.list_type("DOUBLE")

Table = Sequence[dict[str, str | float | None]]


def table(rows: Sequence[Row], vocabulary: Vocabulary) -> Table:
    """A dictionary a track, with COLUMNS as keys; None is unknown."""
    return [_fields(row, vocabulary) for row in rows]


def _fields(row: Row, vocabulary: Vocabulary) -> dict[str, str | float | None]:
    numbers = dict(zip(NUMBERS, row.numbers.tolist(), strict=True))
    genres = (vocabulary.words[word] for word in row.word_ids.tolist())
    genre = next((word.partition(":")[2] for word in genres if word.startswith("genre:")), None)
    texts = [row.track_id, row.title, row.artist, row.album, row.isrc, row.spotify_id, row.uri, genre]
    known = {name: None if math.isnan(numbers[name]) else numbers[name] for name in _NUMBERS}
    return {name: text or None for name, text in zip(_TEXTS, texts, strict=True)} | known


def m3u8(tracks: Table) -> bytes:
    """An extended M3U playlist in UTF-8."""
    lines = ["#EXTM3U"]
    for track in tracks:
        seconds = round(float(track["duration_ms"] or -1000) / 1000)
        name = " - ".join(str(track[name]) for name in ("artist", "title") if track[name]) or str(track["id"])
        lines += [f"#EXTINF:{seconds},{_CONTROL.sub(' ', name)}", _CONTROL.sub("", str(track["uri"]))]
    return ("\n".join(lines) + "\n").encode()


def jspf(tracks: Table) -> bytes:
    """An XSPF playlist as JSON."""

    def entry(track: dict[str, str | float | None]) -> dict[str, object]:
        named = {"title": "title", "creator": "artist", "album": "album"}
        fields: dict[str, object] = {key: track[name] for key, name in named.items() if track[name]}
        if track["duration_ms"] is not None:
            fields["duration"] = int(track["duration_ms"])
        return {"location": [track["uri"]], "identifier": [f"needledrop:{track['id']}"], **fields}

    playlist = {"playlist": {"title": "needledrop", "track": [entry(track) for track in tracks]}}
    return json.dumps(playlist, ensure_ascii=False).encode()


def comma_separated(tracks: Table) -> bytes:
    """RFC 4180 with a header; unknown is empty. What a spreadsheet would take for a formula is quoted for it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for track in tracks:
        writer.writerow([_cell(track[name]) for name in COLUMNS])
    return text.getvalue().encode()


def _cell(value: str | float | None) -> str | float:
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return "" if value is None else value


def as_json(tracks: Table) -> bytes:
    """An array of objects."""
    return json.dumps(tracks, ensure_ascii=False).encode()


def parquet(tracks: Table) -> bytes:
    """One row a track, texts and doubles."""
    kinds = [_TEXT_LIST] * len(_TEXTS) + [_NUMBER_LIST] * len(_NUMBERS)
    values = [
        duckdb.Value([track[name] for track in tracks], kind)  # an empty list has no type of its own
        for name, kind in zip(COLUMNS, kinds, strict=True)
    ]
    columns = ", ".join(f"unnest(${n}) AS {name}" for n, name in enumerate(COLUMNS, start=1))
    with tempfile.TemporaryDirectory(prefix="needledrop-export-") as folder, duckdb.connect() as database:
        file = Path(folder) / "tracks.parquet"
        database.execute(f"CREATE TABLE tracks AS SELECT {columns}", values)
        database.execute(f"COPY tracks TO '{file}' (FORMAT parquet)")
        return file.read_bytes()


FORMATS: Final[dict[str, tuple[str, Callable[[Table], bytes]]]] = {
    "m3u8": ("application/vnd.apple.mpegurl", m3u8),
    "jspf": ("application/jspf+json", jspf),
    "csv": ("text/csv; charset=utf-8", comma_separated),
    "json": ("application/json", as_json),
    "parquet": ("application/vnd.apache.parquet", parquet),
}
"""Media type and writer by name."""
