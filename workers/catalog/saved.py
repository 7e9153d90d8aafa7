"""What people made and no topic holds: selections that were saved under a name, in a file that no rebuild touches."""

import json
import os
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from schemas.errors import InvalidSettingError, NeedledropError

FILE: Final = "selections.json"
MOST: Final = 200
"""Saved selections that there may be: the file is written anew for each change, and 200 are some 100 kB."""


@dataclass(frozen=True, slots=True)
class Saved:
    """One saved selection."""

    name: str
    query: dict[str, Any]
    """Parameters of a request, those that were given."""
    saved_at: str
    """ISO 8601, UTC."""


class TooManyError(NeedledropError):
    """No more selections can be saved."""


class SavedSelections:
    """The file, read once; each change is on disk before it is seen. For any number of threads, of one process."""

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one. Raises: InvalidSettingError for one that is damaged; it stays as it is."""
        self._path = path
        self._lock = threading.Lock()
        try:
            found = [Saved(**one) for one in json.loads(path.read_bytes())] if path.exists() else []
        except (OSError, ValueError, TypeError) as error:
            raise InvalidSettingError(
                f"NEEDLEDROP_CATALOG_FOLDER: {path} cannot be read: {error}. It holds saved selections; repair it, or "
                "move it away to begin without any"
            ) from None
        self._saved = {one.name: one for one in found}

    def all(self) -> list[Saved]:
        """Every one, by name."""
        return sorted(self._saved.values(), key=lambda one: one.name.casefold())

    def get(self, name: str) -> Saved | None:
        """The one of this name."""
        return self._saved.get(name)

    def put(self, name: str, query: dict[str, Any]) -> Saved:
        """Save a selection, in place of one of this name. Raises: TooManyError, OSError."""
        one = Saved(name, query, datetime.now(UTC).isoformat(timespec="seconds"))
        with self._lock:
            if name not in self._saved and len(self._saved) >= MOST:
                raise TooManyError(f"{MOST} selections are saved already; delete one first")
            self._replace({**self._saved, name: one})
        return one

    def delete(self, name: str) -> bool:
        """Forget one; whether there was one. Raises: OSError."""
        with self._lock:
            if name not in self._saved:
                return False
            self._replace({key: one for key, one in self._saved.items() if key != name})
        return True

    def _replace(self, saved: dict[str, Saved]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        with beside.open("w", encoding="utf-8") as file:
            json.dump([asdict(one) for one in saved.values()], file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        self._saved = saved
