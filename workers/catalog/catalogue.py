"""The catalogue: a file that is written and arrays that are read, changed together by records as they come."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from schemas.events import TrackFailed, TrackLabeled
from schemas.topics import TRACKS_LABELED
from shared.kafka.tailing import Place
from workers.catalog.arrivals import Arrivals
from workers.catalog.changes import Change, Deleted, Labeled
from workers.catalog.columns import Columns
from workers.catalog.ledger import Ledger
from workers.catalog.rows import row_of
from workers.catalog.store import Store

_DELETIONS_KEPT_MS: Final = int(TRACKS_LABELED.config["delete.retention.ms"])


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of some changes."""

    labeled: int
    deleted: int
    failed: int
    stale: int


class Catalogue:
    """``take_in`` belongs to one thread; all else to any."""

    def __init__(self, store: Store, *, now_ms: int) -> None:
        """Read what the store has into memory."""
        # The topic has forgotten these deletions, too: nothing older can come any more.
        store.forget_deletions(now_ms - _DELETIONS_KEPT_MS)
        self.arrivals = Arrivals()
        self._store = store
        self._lock = threading.Lock()
        self._columns = Columns(store.vocabulary())
        for row in store.rows():
            self._columns.put(row)
        self._failures = {track_id: position for track_id, position, _ in store.failures()}
        self._ledger = Ledger(store.outcome_positions(), self._failures)

    def take_in(self, changes: Sequence[Change], cluster_id: str, offsets: Mapping[Place, int]) -> Counts:
        """Make the changes and ``offsets``, those behind them, durable; then show them."""
        batch = self._ledger.accept(changes)
        vocabulary = self._columns.vocabulary
        labels = [change for change in batch.outcomes.values() if isinstance(change, Labeled)]
        rows = [row_of(change.track_id, change.label, vocabulary) for change in labels]
        self._store.write(batch, rows, vocabulary, cluster_id, offsets)
        deleted = [change.track_id for change in batch.outcomes.values() if isinstance(change, Deleted)]
        with self._lock:
            for row in rows:
                self._columns.put(row)
            for track_id in deleted:
                self._columns.remove(track_id)
        self.arrivals.note(rows)
        n_counted = len(batch.outcomes) + len(batch.failures)
        return Counts(len(rows), len(deleted), len(batch.failures), len(changes) - n_counted)

    @contextmanager
    def reading(self) -> Iterator[Columns]:
        """The arrays, which do not change meanwhile: hold them for milliseconds."""
        with self._lock:
            yield self._columns

    @property
    def n_tracks(self) -> int:
        """Labeled tracks."""
        return len(self._columns)

    @property
    def n_failed(self) -> int:
        """Tracks whose newest outcome is a failure."""
        return len(self._failures)

    def label(self, track_id: str) -> TrackLabeled | None:
        """The whole label of a track, None when it has none."""
        found = self._store.label(track_id)
        return TrackLabeled.from_json(found) if found else None

    def failure(self, track_id: str) -> TrackFailed | None:
        """How the newest submission of a track failed, None when it did not."""
        if track_id not in self._failures:
            return None
        found = self._store.failure(track_id)
        return TrackFailed.from_json(found) if found else None
