"""The stream loop: takes records, has them worked on, and commits finished prefixes exactly once.

Poll always; work elsewhere; buffer outputs. A transaction is opened only to write a finished prefix of each partition,
outputs and offsets together, so that nothing is in flight inside it and an abort means writing the same outputs again.
See docs/adr/0003-stream-loop.md.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Final

from confluent_kafka import Message, TopicPartition

from shared.kafka.assignment import Assignment
from shared.kafka.backlog import BacklogLimit
from shared.kafka.batch import Batch, batch_of, may_wait
from shared.kafka.clients import group_consumer
from shared.kafka.commits import Commits
from shared.kafka.ends import count_written
from shared.kafka.faults import OutputRefusedError, StreamStoppedError, noted
from shared.kafka.lag import Lag
from shared.kafka.progress import PartitionProgress
from shared.kafka.records import Outgoing, Record, record_of
from shared.kafka.spec import Instead, Start, StreamSpec
from shared.kafka.transactions import Ending
from shared.kafka.unowned import Unowned
from shared.metrics.stream import StreamMetrics
from shared.settings.kafka import KafkaSettings
from shared.tracing import tracing

log = logging.getLogger("needledrop.kafka")

# While work is in flight the loop looks for more records this often (finished work wakes it at once); waking costs some
# 50 us of processor time that the work itself could use. A full stage looks for nothing.
_TICK_S: Final = 0.01
_TICK_WHEN_FULL_S: Final = 0.05
# An idle loop waits in the client, which wakes it for a record at once.
_IDLE_WAIT_S: Final = 0.1
# Full for longer than this: stop fetching. That drops what was fetched ahead: not while finished work waits for more.
_PAUSE_AFTER_S: Final = 2.0
# Transaction markers move positions while nothing arrives: committed this often, or lag never reaches 0. While other
# partitions have work it is not about to, and each commit costs the brokers 6 ms.
_POSITIONS_EVERY_S: Final = 0.5
_POSITIONS_WHILE_BUSY_EVERY_S: Final = 5.0
_LAG_EVERY_S: Final = 1.0
# SIGTERM: work in flight may end for so long; ten seconds are promised in all.
_DRAIN_S: Final = 5.0


class Stream:
    """One member of a consumer group. ``run`` belongs to one thread; the properties may be read from others."""

    def __init__(
        self,
        settings: KafkaSettings,
        spec: StreamSpec,
        start: Start,
        metrics: StreamMetrics,
        backlog: BacklogLimit | None = None,
        instead: Instead | None = None,
        held: Callable[[], bool] = lambda: False,
    ) -> None:
        """``instead`` is needed by a stage that writes: without it a refused output ends the worker.

        While it is ``held``, no record is taken.
        """
        self._spec = spec
        self._start = start
        self._instead = instead
        self._held = held
        self._n_alone = 0  # so many records are committed one by one, to find the one that is refused
        self._metrics = metrics
        self._backlog = backlog
        metrics.in_flight_limit.set(spec.max_in_flight)
        self._finished = threading.Event()
        self._full_since: float | None = None
        self._positions_looked_at = self._next_lag = 0.0
        self.last_progress = time.monotonic()
        """When a record was committed last, or there was nothing to do (time.monotonic)."""
        self.lag = 0
        """Offsets behind the end of our partitions, as last seen."""
        self.held_back = False
        """Whether finished work waits for the next stage, which is behind: then no progress is no fault of ours."""
        self.at_rest: frozenset[int] = frozenset()
        """While the stream is held: our partitions without work in flight."""
        self._consumer = group_consumer(settings, spec.group)
        self._lag = Lag(self._consumer, metrics)
        unowned = Unowned(settings, spec)
        self._assignment = Assignment(self._consumer, metrics, unowned, before_giving_back=self._commit_finished_of)
        identity = f"{spec.group}-{settings.slot or uuid.uuid4().hex}"
        self._commits = Commits(settings, self._consumer, metrics, identity if spec.writes else None)

    @property
    def joined(self) -> bool:
        """Whether the group has us as a member, with or without partitions."""
        return self._assignment.joined

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set, then finish what can be finished and leave.

        Raises: StreamStoppedError (FencedError, WorkLostError) when this process cannot go on.
        """
        self._assignment.subscribe(list(self._spec.inboxes))
        try:
            while not stop.is_set():
                n_taken = self._take()
                n_committed = 0 if self._may_wait() else self._commit_finished_of(self._assignment)
                self._look_after_positions()
                if not n_taken and not n_committed:
                    self._wait()
            self._drain()
        except StreamStoppedError as error:
            self._metrics.stopped(error.cause)
            raise
        finally:
            self._consumer.close()
            if self._backlog:
                self._backlog.close()

    def _may_wait(self) -> bool:
        return not self._n_alone and may_wait(
            self._assignment, limit=self._spec.max_in_flight, since_s=time.monotonic() - self.last_progress
        )

    def _take(self) -> int:
        if self._held():
            self._rest()
            return 0
        self.at_rest = frozenset()
        room = self._spec.max_in_flight - self._assignment.n_in_flight()
        if room <= 0:
            self._when_full()
            return 0
        self._full_since = None
        self._assignment.pause(paused=False)
        idle = room == self._spec.max_in_flight
        taken: list[tuple[Record, PartitionProgress]] = []
        message = self._consumer.poll(_IDLE_WAIT_S if idle else 0)
        while message is not None:
            taken += self._ours(message)
            message = self._consumer.poll(0) if len(taken) < room else None
        # A later poll may have given a partition back, and even got it again: then its records come again, too.
        ours = [(record, one) for record, one in taken if one is self._assignment.of(record.topic, record.partition)]
        self._begin(ours)
        return len(ours)

    def _ours(self, message: Message) -> list[tuple[Record, PartitionProgress]]:
        """The record of ``message`` and its partition's progress; nothing for an error or what is no longer ours."""
        error = message.error()
        if error is not None:
            noted(error, self._spec.group)
            return []
        record = record_of(message)
        progress = self._assignment.of(record.topic, record.partition)
        return [(record, progress)] if progress and progress.is_new(record.offset) else []

    def _begin(self, taken: list[tuple[Record, PartitionProgress]]) -> None:
        if not taken:
            return
        if self._assignment.n_in_flight() == 0:
            self.last_progress = time.monotonic()
        works = self._start([record for record, _ in taken])
        for (record, progress), work in zip(taken, works, strict=True):
            progress.take(record, work)
            work.add_done_callback(lambda _: self._finished.set())
        self._metrics.taken.inc(len(taken))
        self._metrics.in_flight.set(self._assignment.n_in_flight())

    def _when_full(self) -> None:
        now = time.monotonic()
        self._full_since = self._full_since or now
        if now - self._full_since > _PAUSE_AFTER_S:
            self._keep_our_place(0)

    def _rest(self) -> None:
        idle = not self._assignment.n_in_flight()
        self._keep_our_place(_IDLE_WAIT_S if idle else 0)
        self.at_rest = frozenset(progress.partition for progress in self._assignment if not progress.in_flight)
        if idle:  # nothing to do, on purpose
            self.last_progress = time.monotonic()
            self._metrics.progressed()

    def _keep_our_place(self, wait_s: float) -> None:
        """Take part in the group, fetching nothing."""
        self._assignment.pause(paused=True)
        message = self._consumer.poll(wait_s)
        if message is not None:
            self._begin(self._ours(message))

    def _commit_finished_of(self, partitions: Iterable[PartitionProgress]) -> int:
        """Commit the finished prefix of each partition, as far as the backlog limit lets us; how many records."""
        batch = batch_of(partitions, self._backlog, alone=self._n_alone)
        self.held_back = batch.held_back
        self._metrics.held_back.set(batch.held_back)
        if not batch:
            return 0
        outputs = batch.outputs
        offsets = [self._offset_after(progress, len(prefix), prefix[-1].record) for progress, prefix in batch.prefixes]
        began_ns = time.time_ns()
        ending = self._commits.commit(outputs, offsets)
        if ending is Ending.REFUSED:
            self._find_the_refused(batch)
        if ending is not Ending.COMMITTED:
            return 0
        tracing.committed(outputs, began_ns)
        for (progress, prefix), offset in zip(batch.prefixes, offsets, strict=True):
            progress.commit(len(prefix), offset.offset)
        if self._backlog:
            self._backlog.committed(batch.charge)
        self._n_alone = max(self._n_alone - len(batch), 0)
        return self._note_committed(len(batch), outputs)

    def _find_the_refused(self, batch: Batch) -> None:
        """Have the records of a refused transaction committed one by one, or replace the outputs of the only one."""
        if len(batch) > 1:
            # At least a turn for each partition, so that the one with the refused record gets on.
            self._n_alone = max(len(batch), len(list(self._assignment)))
            return
        [(progress, [item])] = batch.prefixes
        if self._instead is None or item.is_replaced:
            raise OutputRefusedError(
                f"the brokers refuse what becomes of {item.record.coordinates}, also as a failure: look at "
                f"max.message.bytes and cleanup.policy of {', '.join({one.topic for one in batch.outputs})} "
                "(`needledrop topics create` says what differs)"
            )
        log.warning("the brokers refuse an output", extra={"coordinates": str(item.record.coordinates)})
        progress.replace_first(self._instead(item.record, item.work.result()))

    def _note_committed(self, n_records: int, outputs: list[Outgoing]) -> int:
        self._metrics.committed.inc(n_records)
        count_written(outputs, self._metrics)
        self.last_progress = time.monotonic()
        self._metrics.progressed()
        self._metrics.in_flight.set(self._assignment.n_in_flight())
        return n_records

    def _offset_after(self, progress: PartitionProgress, n_done: int, last: Record) -> TopicPartition:
        """The offset to commit: where we would read next once nothing is in flight, else right behind the last."""
        offset = last.offset + 1
        # A rebalance may come between polling a record and beginning it: the position is past that one already.
        if n_done == len(progress.in_flight) and progress.is_last_polled(last):
            offset = max(offset, self._position(progress))
        return TopicPartition(progress.topic, progress.partition, offset)

    def _position(self, progress: PartitionProgress) -> int:
        [found] = self._consumer.position([TopicPartition(progress.topic, progress.partition)])
        return int(found.offset)

    def _look_after_positions(self) -> None:
        """Commit positions that markers alone have moved, and measure lag."""
        now = time.monotonic()
        wait_s = _POSITIONS_WHILE_BUSY_EVERY_S if self._assignment.n_in_flight() else _POSITIONS_EVERY_S
        if now >= self._positions_looked_at + wait_s:
            self._positions_looked_at = now
            self._commit_positions()
        if now >= self._next_lag:
            self._next_lag = now + _LAG_EVERY_S
            self._measure_lag()

    def _commit_positions(self) -> None:
        moved = []
        for progress in self._assignment:
            if progress.in_flight:
                continue
            position = self._position(progress)
            if position >= 0 and position != progress.committed:
                moved.append((progress, TopicPartition(progress.topic, progress.partition, position)))
        if moved and self._commits.commit([], [offset for _, offset in moved]) is Ending.COMMITTED:
            for progress, offset in moved:
                progress.commit(0, offset.offset)

    def _measure_lag(self) -> None:
        self._assignment.watch_membership()
        self.lag = self._lag.measured(self._assignment)
        if self._backlog:
            if not self._assignment.n_in_flight():
                self._backlog.look()  # nobody else does while there is nothing to write
            for partition, offsets in self._backlog.backlog().items():
                self._metrics.backlog(partition, offsets)
        if self.lag == 0:
            self.last_progress = time.monotonic()
            self._metrics.progressed()

    def _wait(self) -> None:
        if n_in_flight := self._assignment.n_in_flight():
            self._finished.wait(_TICK_S if n_in_flight < self._spec.max_in_flight else _TICK_WHEN_FULL_S)
            self._finished.clear()

    def _drain(self) -> None:
        """Let work in flight end and commit it; what takes too long is left to whoever comes next."""
        self._assignment.pause(paused=True)
        deadline = time.monotonic() + _DRAIN_S
        while self._assignment.n_in_flight() and time.monotonic() < deadline:
            self._consumer.poll(0)
            if not self._commit_finished_of(self._assignment):
                self._wait()
        self._commit_positions()
