"""What every stage's stream loop counts. Labels come from closed sets: stage, topic, partition, outcome, reason."""

import time
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# From a commit on an idle broker (5 ms) to a broker that is being restarted.
COMMIT_BUCKETS_S: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0)
# From a cache hit (5 ms) to the 30 s of retries that one record may take, and decoding after them.
HANDLE_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
# From the two hops of an idle pipeline (30 ms) to a backlog of a day.
END_TO_END_BUCKETS_S: Final = (
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    1800.0,
    3600.0,
    14400.0,
    86400.0,
)


class StreamMetrics:
    """The metrics of one stage's stream, bound to its name."""

    def __init__(self, registry: CollectorRegistry, stage: str) -> None:
        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"needledrop_stream_{name}", what, ("stage", *labels), registry=registry)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"needledrop_stream_{name}", what, ("stage", *labels), registry=registry)

        self._stage = stage
        self.taken = counter("records_taken_total", "Records read and given to the handler.").labels(stage)
        self.committed = counter("records_committed_total", "Records whose outputs and offset are committed.").labels(
            stage
        )
        self._written = counter("records_written_total", "Records written in committed transactions.", "topic")
        self._transactions = counter("transactions_total", "Transactions by how they ended.", "outcome")
        self.in_flight = gauge("records_in_flight", "Records taken and not committed.").labels(stage)
        self.last_progress = gauge(
            "last_progress_timestamp_seconds", "When a record was last committed, or there was nothing to do."
        ).labels(stage)
        self._lag = gauge(
            "consumer_lag", "Offsets between the end of a partition and the group's.", "topic", "partition"
        )
        self._backlog = gauge("backlog", "Offsets that the next stage has not committed.", "partition")
        self.held_back = gauge("held_back", "1 while the backlog limit keeps finished work from being written.").labels(
            stage
        )
        self._outcomes = counter(
            "outcomes_total", "Submissions ended here; reason is empty for a label.", "outcome", "reason"
        )
        self.commit_seconds = Histogram(
            "needledrop_stream_commit_seconds",
            "Time of one transaction.",
            ("stage",),
            buckets=COMMIT_BUCKETS_S,
            registry=registry,
        ).labels(stage)
        self.handle_seconds = Histogram(
            "needledrop_stream_handle_seconds",
            "Time of the work on one record.",
            ("stage",),
            buckets=HANDLE_BUCKETS_S,
            registry=registry,
        ).labels(stage)
        self.end_to_end_seconds = Histogram(
            "needledrop_stream_end_to_end_seconds",
            "From submitted_at to the end of this stage's work on the track.",
            ("stage",),
            buckets=END_TO_END_BUCKETS_S,
            registry=registry,
        ).labels(stage)

    def wrote(self, topic: str, n: int) -> None:
        """``n`` records are committed in ``topic``."""
        self._written.labels(self._stage, topic).inc(n)

    def transaction(self, outcome: str) -> None:
        """A transaction was ``committed``, ``aborted``, or ``refused`` for good."""
        self._transactions.labels(self._stage, outcome).inc()

    def labeled(self) -> None:
        """A submission ended as a label."""
        self._outcomes.labels(self._stage, "labeled", "").inc()

    def deleted(self) -> None:
        """A deletion went through."""
        self._outcomes.labels(self._stage, "deleted", "").inc()

    def failed(self, reason: str) -> None:
        """A submission ended as a failure."""
        self._outcomes.labels(self._stage, "failed", reason).inc()

    def lag(self, topic: str, partition: int, offsets: int) -> None:
        """The lag of a partition that is assigned to us."""
        self._lag.labels(self._stage, topic, str(partition)).set(offsets)

    def forget_lag(self, topic: str, partition: int) -> None:
        """The partition is no longer ours: its series would stay at its last value for ever."""
        try:
            self._lag.remove(self._stage, topic, str(partition))
        except KeyError:
            return

    def backlog(self, partition: int, offsets: int) -> None:
        """What the next stage has not committed of one partition of our outbox."""
        self._backlog.labels(self._stage, str(partition)).set(offsets)

    def progressed(self) -> None:
        """Something was committed, or there is nothing to do."""
        self.last_progress.set(time.time())
