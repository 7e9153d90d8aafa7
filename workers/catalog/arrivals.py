"""What was labeled just now, for whoever watches: the newest rows and how many there have been."""

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

from workers.catalog.rows import Row

# What a watcher is shown at once; it learns the number of the others.
KEPT: Final = 20


class Arrivals:
    """Rows by running number. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: deque[Row] = deque(maxlen=KEPT)
        self._n = 0

    def note(self, rows: Sequence[Row]) -> None:
        """These have come, in this order."""
        with self._lock:
            self._newest.extend(rows)
            self._n += len(rows)

    def since(self, seen: int | None) -> tuple[int, list[Row]]:
        """How many have ever come, and the newest of those behind the first ``seen``, newest first; None: all seen."""
        with self._lock:
            n_new = 0 if seen is None else min(self._n - seen, len(self._newest))
            return self._n, [self._newest[-1 - index] for index in range(n_new)]
