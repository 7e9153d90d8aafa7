"""What one transaction commits: a finished prefix of each partition, as far as the backlog limit lets us."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from shared.kafka.backlog import BacklogLimit
from shared.kafka.progress import InFlight, PartitionProgress
from shared.kafka.records import Outgoing

# A transaction costs the brokers and all who read its topic some milliseconds of processor time, whatever is in it.
# Behind a full stage a track waits for seconds already, and one more is hardly noticed.
_MAY_WAIT_S: Final = 1.0


@dataclass(slots=True)
class Batch:
    """Records whose work is done, by partition, in order."""

    prefixes: list[tuple[PartitionProgress, list[InFlight]]] = field(default_factory=list)
    charge: Counter[int] = field(default_factory=Counter)
    """What they add to the backlog of each partition of the limited topic."""
    held_back: bool = False
    """Whether the limit has kept something out."""

    def __len__(self) -> int:
        return sum(len(prefix) for _, prefix in self.prefixes)

    @property
    def outputs(self) -> list[Outgoing]:
        """All that is to be written."""
        return [output for _, prefix in self.prefixes for item in prefix for output in item.work.result()]


def batch_of(partitions: Iterable[PartitionProgress], backlog: BacklogLimit | None, *, alone: int = 0) -> Batch:
    """The finished prefixes; with ``alone``, a number that changes from call to call, one record only.

    Raises: what the work on a record raised that is next to be committed.
    """
    batch = Batch()
    for progress in _from(list(partitions), alone):
        prefix: list[InFlight] = []
        for item in progress.finished():
            if alone and (batch or prefix):
                break
            if backlog and (more := backlog.charge(item.work.result())):
                if not backlog.has_room(batch.charge + more):
                    batch.held_back = True
                    break
                batch.charge += more
            prefix.append(item)
        if prefix:
            batch.prefixes.append((progress, prefix))
    return batch


def may_wait(partitions: Iterable[PartitionProgress], *, limit: int, since_s: float) -> bool:
    """Whether what is finished may wait for more, so that a stage that is full writes fewer and larger transactions.

    It may while no more can be taken anyway and more than half of what was taken is still at work, so that the work
    lacks nothing; below that, and after a second, it may not.

    Args:
        partitions: all of a stage.
        limit: records that the stage takes at a time.
        since_s: since a record was committed last.
    """
    in_flight = [item for progress in partitions for item in progress.in_flight]
    n_at_work = sum(not item.work.done() for item in in_flight)
    return len(in_flight) >= limit and n_at_work > limit // 2 and since_s < _MAY_WAIT_S


def _from(partitions: list[PartitionProgress], turn: int) -> list[PartitionProgress]:
    # Each has its turn: one that always has something finished must not keep the others waiting.
    first = turn % len(partitions) if partitions else 0
    return partitions[first:] + partitions[:first]
