"""What a person names on the command line becomes tracks: files of folders, files, URIs. Ids are made here."""

import hashlib
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.errors import InvalidSettingError

AUDIO_SUFFIXES: Final = frozenset(
    [
        ".aac",
        ".aif",
        ".aifc",
        ".aiff",
        ".au",
        ".flac",
        ".m4a",
        ".m4b",
        ".mka",
        ".mp2",
        ".mp3",
        ".mp4",
        ".oga",
        ".ogg",
        ".opus",
        ".wav",
        ".wave",
        ".weba",
        ".webm",
        ".wma",
    ]
)
HOW_IDS_ARE_MADE: Final = (
    "A file's track id is its path from the named folder's own name on (music/jazz/take-five.ogg), a URI's is its host "
    "and path; the same name again is the same track."
)
_URI: Final = re.compile(r"^(file|https?|s3)://", re.IGNORECASE)
_LONGEST_ID: Final = 200


@dataclass(frozen=True, slots=True)
class NamedTrack:
    """A track as the command line knows it."""

    track_id: str
    uri: str
    path: Path | None = None
    """For a local file."""


def tracks_of(names: Iterable[str]) -> list[NamedTrack]:
    """The tracks that PATHs and URIs stand for; folders are walked, in order of name.

    Raises: InvalidSettingError for a path that is not there, or when there is no audio file at all.
    """
    tracks = [track for name in names for track in _tracks_of(name)]
    if not tracks:
        raise InvalidSettingError(f"no audio files there (known endings: {' '.join(sorted(AUDIO_SUFFIXES))})")
    return tracks


def media_roots(names: Sequence[str]) -> list[Path]:
    """The folders that must be media roots so that workers can open what was named."""
    paths = [Path(name).expanduser().resolve() for name in names if not _URI.match(name)]
    return list(dict.fromkeys(path if path.is_dir() else path.parent for path in paths))


def _tracks_of(name: str) -> Iterator[NamedTrack]:
    if _URI.match(name):
        yield NamedTrack(_uri_id(name), name)
        return
    path = Path(name).expanduser().resolve()
    if path.is_file():
        yield _file(path, path.parent)
    elif path.is_dir():
        files = sorted(found for found in path.rglob("*") if found.suffix.lower() in AUDIO_SUFFIXES and found.is_file())
        for found in files:
            yield _file(found, path.parent)
    else:
        raise InvalidSettingError(f"{name}: no such file or folder")


def _file(path: Path, above: Path) -> NamedTrack:
    return NamedTrack(_short(path.relative_to(above).as_posix()), path.as_uri(), path)


def _uri_id(uri: str) -> str:
    parts = urllib.parse.urlsplit(uri)
    return _short((parts.hostname or "") + urllib.parse.unquote(parts.path))


def _short(text: str) -> str:
    """``text`` without control characters; a long one keeps its end and gets a digest, so that it stays unique."""
    clean = re.sub(r"[\x00-\x1f\x7f]", "_", text.encode(errors="replace").decode())
    if len(clean) <= _LONGEST_ID:
        return clean
    return f"{hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()[:16]}:{clean[-(_LONGEST_ID - 17) :]}"
