"""What a stage tells the stream loop about itself."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from shared.kafka.progress import Outputs
from shared.kafka.records import Record

Start = Callable[[Sequence[Record]], Sequence[Future[Outputs]]]
"""Begins the work on records that were polled together; one future for each. A future that fails ends the worker."""
Instead = Callable[[Record, Outputs], Outputs]
"""What to write in place of a record's outputs that the brokers will never take; small."""


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """What a stage reads and how much at a time."""

    stage: str
    group: str
    inboxes: tuple[str, ...]
    max_in_flight: int
    writes: bool = True
    """Whether there are outputs: then transactions, else plain commits after the work (at least once)."""
