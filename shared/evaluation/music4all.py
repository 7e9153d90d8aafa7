"""Music4All's id_metadata.csv: tab-separated despite its name, six of Spotify's features for each clip."""

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from schemas.errors import InvalidSettingError
from shared.evaluation.label_file import UnusedLine

METADATA_NAME: Final = "id_metadata.csv"
AUDIO_FOLDER: Final = "audios"
AUDIO_SUFFIX: Final = ".mp3"

_COLUMNS: Final = ("id", "danceability", "energy", "key", "mode", "valence", "tempo")
_RANGES: Final = {
    "danceability": (0.0, 1.0),
    "energy": (0.0, 1.0),
    "key": (-1.0, 11.0),
    "mode": (0.0, 1.0),
    "valence": (0.0, 1.0),
    "tempo": (0.0, 1000.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFeatures:
    """What Spotify said of one clip."""

    clip_id: str
    danceability: float
    energy: float
    key: int  # 0 = C ... 11 = B, -1 = none
    mode: int  # 1 major, 0 minor
    valence: float
    tempo: float  # BPM; 0 = none


def clip_features(lines: Iterable[str]) -> tuple[list[ClipFeatures], list[UnusedLine]]:
    """Read the table: the usable rows, and the others with the reason.

    Args:
        lines: of id_metadata.csv, its header first.

    Raises: InvalidSettingError when a column is missing, as when the file is separated by commas.
    """
    table = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    missing = [column for column in _COLUMNS if column not in (table.fieldnames or ())]
    if missing:
        raise InvalidSettingError(
            f"{METADATA_NAME} has no column {missing[0]!r}; Music4All's is separated by tabs, with a header"
        )
    clips, unused = list[ClipFeatures](), list[UnusedLine]()
    known = set[str]()
    for row in table:
        try:
            clip = _clip(row)
        except ValueError as fault:
            unused.append(UnusedLine(line=table.line_num, why=str(fault)))
            continue
        if clip.clip_id in known:
            unused.append(UnusedLine(line=table.line_num, why=f"{clip.clip_id} is there twice"))
            continue
        known.add(clip.clip_id)
        clips.append(clip)
    return clips, unused


def _clip(row: Mapping[str, str | None]) -> ClipFeatures:
    """Read a row. Raises: ValueError, saying what is wrong with it."""
    clip_id = row["id"] or ""
    if not (clip_id.isascii() and clip_id.isalnum()):  # it becomes the name of a file
        raise ValueError(f"{clip_id[:32]!r} is no id")
    values = {name: _number(name, row[name]) for name in _RANGES}
    return ClipFeatures(
        clip_id=clip_id,
        danceability=values["danceability"],
        energy=values["energy"],
        key=int(values["key"]),
        mode=int(values["mode"]),
        valence=values["valence"],
        tempo=values["tempo"],
    )


def _number(name: str, cell: str | None) -> float:
    low, high = _RANGES[name]
    try:
        value = float(cell or "")
    except ValueError:
        value = math.nan
    if not low <= value <= high or (name in {"key", "mode"} and not value.is_integer()):
        raise ValueError(f"{name} is {cell!r}, not from {low:g} to {high:g}")
    return value
