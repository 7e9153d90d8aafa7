"""Which changes count: the newest submission of a track decides, in whatever order topics and partitions are read.

A track is what its newest label or deletion says. A failure is shown beside it while it is the newer one: what failed
since does not take a label away, as it does not in the compacted topic either.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from workers.catalog.changes import Change, Deleted, Failed, Labeled


@dataclass(slots=True)
class Batch:
    """What some changes come to; each track is there once in each of the three."""

    outcomes: dict[str, Labeled | Deleted] = field(default_factory=dict)
    failures: dict[str, Failed] = field(default_factory=dict)
    healed: set[str] = field(default_factory=set)
    """Tracks whose failure no longer counts."""
    replaced: set[str] = field(default_factory=set)
    """Tracks of ``outcomes`` that had an outcome before."""

    def __bool__(self) -> bool:
        return bool(self.outcomes or self.failures or self.healed)


class Ledger:
    """The positions of what is known: of each track's label or deletion, and of its failure."""

    def __init__(self, outcomes: dict[str, str], failures: dict[str, str]) -> None:
        """Positions by track; both are kept and changed."""
        self._outcomes = outcomes
        self._failures = failures

    def accept(self, changes: Iterable[Change]) -> Batch:
        """Note the changes that are not older than what is known, and say what they come to."""
        batch = Batch()
        for change in changes:
            if isinstance(change, Failed):
                self._accept_failure(change, batch)
            else:
                self._accept_outcome(change, batch)
        return batch

    def _accept_outcome(self, change: Labeled | Deleted, batch: Batch) -> None:
        track_id = change.track_id
        if change.position < self._outcomes.get(track_id, ""):
            return
        if track_id in self._outcomes:
            batch.replaced.add(track_id)
        self._outcomes[track_id] = change.position
        batch.outcomes[track_id] = change
        if self._failures.get(track_id, "~") <= change.position:
            del self._failures[track_id]
            batch.failures.pop(track_id, None)
            batch.healed.add(track_id)

    def _accept_failure(self, change: Failed, batch: Batch) -> None:
        track_id = change.track_id
        if change.position < max(self._failures.get(track_id, ""), self._outcomes.get(track_id, "")):
            return
        self._failures[track_id] = change.position
        batch.failures[track_id] = change
        batch.healed.discard(track_id)
