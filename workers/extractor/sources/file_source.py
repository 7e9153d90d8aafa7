"""file:// URIs, inside the media roots only."""

import errno
import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from schemas.errors import AccessDeniedError, NotFoundError, TrackError, UnreachableError, UriRefusedError
from shared.settings.media import MediaSettings
from workers.extractor.sources.doors import FilePlace
from workers.extractor.sources.fetched import CHUNK_BYTES, ByteCount, Fetched

# No link at the end, no terminal of ours, no wait for a pipe's other end.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
# Part of the path is a file or, swapped in just now, a link; the whole names a socket.
_NOT_A_FILE = frozenset((errno.ENOTDIR, errno.ELOOP, errno.ENXIO))


def fetch_file(place: FilePlace, shown_uri: str, settings: MediaSettings) -> Fetched:
    """Open and hash a local file, without copying it.

    Raises: UriRefusedError outside the media roots and for what is no regular file; NotFoundError, AccessDeniedError,
        TooLargeError, EmptyAudioError; UnreachableError when it changes while it is read, or its disk fails.
    """
    root, inside = _in_a_root(place.path, shown_uri, settings)
    try:
        with ExitStack() as undo:
            descriptor = _opened(root, inside)
            undo.callback(os.close, descriptor)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UriRefusedError(f"{shown_uri}: a folder, device or pipe, not a file")
            file = os.fdopen(descriptor, "rb", buffering=0)
            undo.pop_all()
            undo.callback(file.close)
            fetched = _hashed(file, shown_uri, settings)
            undo.pop_all()
            return fetched
    except OSError as error:
        raise _as_ours(error, shown_uri) from None


def _in_a_root(path: str, shown_uri: str, settings: MediaSettings) -> tuple[Path, Path]:
    """The media root that a path leads into, links and ``..`` followed, and the rest of the path."""
    if not settings.roots:
        raise UriRefusedError(
            f"{shown_uri}: no folder is open to file:// URIs; name some in NEEDLEDROP_MEDIA_ROOTS, separated by "
            f"{os.pathsep!r}"
        )
    try:
        resolved = Path(os.path.realpath(path))
    except OSError as error:  # a path too long, say
        raise UriRefusedError(f"{shown_uri}: {error.strerror}") from None
    for root in settings.roots:
        if resolved.is_relative_to(root):
            return root, resolved.relative_to(root)
    raise UriRefusedError(f"{shown_uri}: outside the folders of NEEDLEDROP_MEDIA_ROOTS")


def _hashed(file: BinaryIO, shown_uri: str, settings: MediaSettings) -> Fetched:
    before = os.fstat(file.fileno())
    count = ByteCount(shown_uri, settings)
    count.expect(before.st_size)
    while chunk := file.read(CHUNK_BYTES):
        count.add(chunk)
    after = os.fstat(file.fileno())
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise UnreachableError(f"{shown_uri}: still being written")
    return count.fetched(file)


def _opened(root: Path, inside: Path) -> int:
    """Open a path without links, folder by folder, so that no link swapped in meanwhile can lead out of the root."""
    folder = os.open(root, _FOLDER)
    try:
        for part in inside.parts[:-1]:
            below = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = below
        return os.open(inside.name or ".", _READ, dir_fd=folder)
    finally:
        os.close(folder)


def _as_ours(error: OSError, shown_uri: str) -> TrackError:
    if isinstance(error, FileNotFoundError):
        return NotFoundError(f"{shown_uri}: no such file")
    if isinstance(error, PermissionError):
        return AccessDeniedError(f"{shown_uri}: its permissions do not let us read it")
    if error.errno in _NOT_A_FILE:
        return UriRefusedError(f"{shown_uri}: not a file")
    return UnreachableError(f"{shown_uri}: {error.strerror}")
