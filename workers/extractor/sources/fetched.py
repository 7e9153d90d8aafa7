"""The bytes of one track, opened and hashed."""

import hashlib
import tempfile
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Self

from schemas.errors import EmptyAudioError, TooLargeError, UnreachableError
from shared.settings.media import MediaSettings

CHUNK_BYTES = 1 << 18  # large enough that hashing, which lets other threads run, is most of the work


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An open file that holds one track; close it. Whoever reads it begins with ``seek(0)``.

    A descriptor, not a path: what was checked and hashed is what will be decoded, whatever happens to its name.
    """

    file: BinaryIO  # a local file itself, or a nameless temporary one; has a file descriptor
    n_bytes: int
    content_hash: str  # SHA-256, hexadecimal

    def close(self) -> None:
        """Give the descriptor back, and with it the disk space of a temporary file."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class ByteCount:
    """Hashes and counts bytes that go by, and refuses the one too many."""

    def __init__(self, shown_uri: str, settings: MediaSettings) -> None:
        self._shown_uri = shown_uri
        self._max_bytes = settings.max_bytes
        self._hash = hashlib.sha256()
        self.n_bytes = 0

    def expect(self, n_bytes: int) -> None:
        """Raises: TooLargeError when so many bytes are more than the settings allow."""
        if n_bytes > self._max_bytes:
            raise TooLargeError(
                f"{self._shown_uri}: more than the {self._max_bytes} bytes of NEEDLEDROP_MEDIA_MAX_BYTES"
            )

    def add(self, chunk: bytes) -> None:
        """Take the next bytes. Raises: TooLargeError."""
        self.n_bytes += len(chunk)
        self.expect(self.n_bytes)
        self._hash.update(chunk)

    def fetched(self, file: BinaryIO) -> Fetched:
        """All bytes have gone by, and are in ``file``. Raises: EmptyAudioError when there were none."""
        if not self.n_bytes:
            raise EmptyAudioError(f"{self._shown_uri}: no bytes")
        file.seek(0)
        return Fetched(file=file, n_bytes=self.n_bytes, content_hash=self._hash.hexdigest())


class Download:
    """A temporary file that a download goes into; on disk, so that many large downloads cost no memory.

    A context manager: unless `fetched` was reached, the file is gone at its end.
    """

    def __init__(self, shown_uri: str, settings: MediaSettings) -> None:
        self._count = ByteCount(shown_uri, settings)
        try:
            self._file: BinaryIO = tempfile.TemporaryFile(prefix="needledrop-", buffering=0)  # noqa: SIM115 - __exit__
        except OSError as error:
            raise UnreachableError(f"no temporary file for a download: {error.strerror}") from None
        self._handed_over = False

    def expect(self, n_bytes: int) -> None:
        """See `ByteCount.expect`."""
        self._count.expect(n_bytes)

    def write(self, chunk: bytes) -> None:
        """Take the next bytes. Raises: TooLargeError, UnreachableError when the disk is full."""
        self._count.add(chunk)
        view = memoryview(chunk)
        try:
            while view:
                view = view[self._file.write(view) :]
        except OSError as error:
            raise UnreachableError(f"a download does not fit on the disk: {error.strerror}") from None

    def fetched(self) -> Fetched:
        """The whole download. Raises: EmptyAudioError."""
        fetched = self._count.fetched(self._file)
        self._handed_over = True
        return fetched

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._handed_over:
            self._file.close()
