"""What one partition has in flight, and the finished prefix that may be committed. Pure: no client, no clock."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import takewhile

from shared.kafka.faults import AbandonedError
from shared.kafka.records import Outgoing, Record

Outputs = Sequence[Outgoing]


@dataclass(frozen=True, slots=True)
class InFlight:
    """A record and the work on it."""

    record: Record
    work: Future[Outputs]
    is_replaced: bool = False
    """Whether the brokers have refused its first outputs."""


@dataclass(slots=True)
class PartitionProgress:
    """The records of one assigned partition that were taken and not committed, in offset order."""

    topic: str
    partition: int
    in_flight: deque[InFlight] = field(default_factory=deque)
    committed: int = -1
    """The group's committed offset; negative while it has none."""
    polled: int = -1
    """The offset of the record that the client gave us last, whether or not the work on it has begun."""

    def is_new(self, offset: int) -> bool:
        """Whether the record at ``offset``, polled just now, is not one that we were given before."""
        if offset <= self.polled:
            return False
        self.polled = offset
        return True

    def is_last_polled(self, record: Record) -> bool:
        """Whether nothing was polled behind ``record``: only then is all before the client's position done with it."""
        return record.offset == self.polled

    def take(self, record: Record, work: Future[Outputs]) -> None:
        """Note that ``work`` on ``record`` has begun."""
        self.in_flight.append(InFlight(record, work))

    def finished(self) -> Iterator[InFlight]:
        """The records from the front whose work is done; whatever is behind an unfinished one waits.

        Raises: what the work on the next one raised; handlers turn the faults of a track into failure events, so this
            is a fault of the worker.
        """
        for item in takewhile(lambda item: item.work.done(), self.in_flight):
            if isinstance(item.work.exception(), AbandonedError):
                return
            item.work.result()
            yield item

    def replace_first(self, outputs: Outputs) -> None:
        """Have other outputs for the first record, whose work is done."""
        work: Future[Outputs] = Future()
        work.set_result(outputs)
        self.in_flight[0] = InFlight(self.in_flight[0].record, work, is_replaced=True)

    def commit(self, n_records: int, offset: int) -> None:
        """Note that the first ``n_records`` are committed, and that the group's offset is now ``offset``."""
        for _ in range(n_records):
            self.in_flight.popleft()
        self.committed = offset

    def drop(self) -> None:
        """Forget all work: the partition is no longer ours. What it yields later is ignored."""
        for item in self.in_flight:
            item.work.cancel()
        self.in_flight.clear()
