"""How far a long command has come, in a file, so that it goes on there after it was killed."""

import json
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from schemas.errors import InvalidSettingError


class Journal:
    """Numbers by name, replaced as a whole: after a crash the file has all of one write or all of the one before."""

    def __init__(self, path: Path, numbers: Mapping[str, int]) -> None:
        self._path = path
        self._numbers = dict(numbers)

    @classmethod
    def opened(cls, folder: Path, name: str, purpose: Mapping[str, object]) -> "Journal":
        """The journal of one purpose (what was asked for): another one has another file.

        Raises: InvalidSettingError when it cannot be read or its folder cannot be written to.
        """
        digest = sha256(json.dumps(purpose, sort_keys=True).encode()).hexdigest()[:12]
        path = folder / f"{name}-{digest}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return cls(path, {str(key): int(n) for key, n in json.loads(path.read_text(encoding="utf-8")).items()})
        except FileNotFoundError:
            return cls(path, {})
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise InvalidSettingError(f"{path} is no journal of ours ({error}): remove it to begin anew") from None

    @property
    def begun(self) -> bool:
        """Whether an earlier run wrote it."""
        return bool(self._numbers)

    def get(self, name: str, default: int) -> int:
        """The number last noted under ``name``."""
        return self._numbers.get(name, default)

    def note(self, numbers: Mapping[str, int]) -> None:
        """Note numbers, durably. Raises: InvalidSettingError when the disk does not take it."""
        self._numbers |= numbers
        fresh = self._path.with_suffix(".new")
        try:
            with fresh.open("w", encoding="utf-8") as file:
                json.dump(self._numbers, file)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise InvalidSettingError(f"{self._path}: {error.strerror}") from None

    def finish(self) -> None:
        """Done: the next run begins anew."""
        self._path.unlink(missing_ok=True)
