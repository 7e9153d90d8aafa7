"""What every stage's stream loop counts."""

import time
from collections.abc import Collection
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared.metrics.labels import OTHER, REASONS, TOPIC_NAMES, Outcome, SubmissionKind, bounded

_KINDS: Final[tuple[SubmissionKind, ...]] = ("new", "replay", "relabel")
_TRANSACTION_ENDS: Final = ("committed", "aborted", "refused", "fenced")
_STOP_CAUSES: Final = ("fenced", "work_lost", OTHER)

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

    def __init__(
        self,
        registry: CollectorRegistry,
        stage: str,
        *,
        topics: Collection[str] = TOPIC_NAMES,
        ends_submissions: bool = False,
    ) -> None:
        """Declare them.

        Args:
            registry: of the process.
            stage: the worker's name.
            topics: what the stream reads and writes.
            ends_submissions: whether the stage writes labels or failures.
        """

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"needledrop_stream_{name}", what, ("stage", *labels), registry=registry)

        def gauge(name: str, what: str, *labels: str) -> Gauge:
            return Gauge(f"needledrop_stream_{name}", what, ("stage", *labels), registry=registry)

        def histogram(name: str, what: str, buckets: Collection[float]) -> Histogram:
            found = Histogram(f"needledrop_stream_{name}", what, ("stage",), buckets=tuple(buckets), registry=registry)
            return found.labels(stage)

        self._stage = stage
        self._topics = frozenset(topics)
        self.taken = counter("records_taken_total", "Records read and given to the handler.").labels(stage)
        self.committed = counter("records_committed_total", "Records whose outputs and offset are committed.").labels(
            stage
        )
        self._written = counter("records_written_total", "Records written in committed transactions.", "topic")
        self._transactions = counter(
            "transactions_total",
            "Commits by how they ended: committed, aborted, refused (for good), fenced.",
            "outcome",
        )
        self._stops = counter(
            "stops_total",
            "Streams that ended by an error: fenced (another has our slot), work_lost (retention ate it), other.",
            "cause",
        )
        self.in_flight = gauge("records_in_flight", "Records taken and not committed.").labels(stage)
        self.in_flight_limit = gauge(
            "records_in_flight_limit", "As many records as the stream takes before it commits some."
        ).labels(stage)
        self.last_progress = gauge(
            "last_progress_timestamp_seconds", "When a record was last committed, or there was nothing to do."
        ).labels(stage)
        self._lag = gauge(
            "consumer_lag",
            "Offsets between the end of a partition and the group's; transaction markers count.",
            "topic",
            "partition",
        )
        self._backlog = gauge(
            "backlog", "Offsets of the outbox's partition that the next stage has not committed.", "partition"
        )
        self.held_back = gauge("held_back", "1 while the backlog limit keeps finished work from being written.").labels(
            stage
        )
        self._outcomes = counter(
            "outcomes_total",
            "Submissions that ended here, once that is committed: labeled, failed (with a reason), deleted.",
            "outcome",
            "reason",
            "submission",
        )
        self.commit_seconds = histogram("commit_seconds", "Time of one transaction.", COMMIT_BUCKETS_S)
        self.handle_seconds = histogram("handle_seconds", "Time of the work on one record.", HANDLE_BUCKETS_S)
        self.end_to_end_seconds = histogram(
            "end_to_end_seconds",
            "From submitted_at to the committed outcome, of new submissions that ended here.",
            END_TO_END_BUCKETS_S,
        )
        self._begin_at_zero(_KINDS if ends_submissions else ())

    def _begin_at_zero(self, kinds: Collection[SubmissionKind]) -> None:
        """What alerts look at exists before it happens: the increase of a series that begins at 1 is 0."""
        for outcome in _TRANSACTION_ENDS:
            self._transactions.labels(self._stage, outcome)
        for cause in _STOP_CAUSES:
            self._stops.labels(self._stage, cause)
        for kind in kinds:
            self._outcomes.labels(self._stage, "labeled", "", kind)
            for reason in REASONS:
                self._outcomes.labels(self._stage, "failed", reason, kind)

    def wrote(self, topic: str, n: int) -> None:
        """``n`` records are committed in ``topic``."""
        self._written.labels(self._stage, bounded(topic, self._topics)).inc(n)

    def transaction(self, outcome: str) -> None:
        """A transaction was ``committed``, ``aborted``, ``refused`` for good, or ``fenced``."""
        self._transactions.labels(self._stage, bounded(outcome, _TRANSACTION_ENDS)).inc()

    def stopped(self, cause: str) -> None:
        """The stream cannot go on: it is ``fenced``, or has met ``work_lost``, or ``other``."""
        self._stops.labels(self._stage, bounded(cause, _STOP_CAUSES)).inc()

    def ended(self, outcome: Outcome, *, reason: str, submission: SubmissionKind, seconds: float | None) -> None:
        """A submission has its committed outcome, ``seconds`` after it was made where that is known."""
        known_reason = bounded(reason, REASONS) if reason else ""
        self._outcomes.labels(self._stage, outcome, known_reason, submission).inc()
        if seconds is not None and submission == "new":
            self.end_to_end_seconds.observe(max(seconds, 0.0))

    def lag(self, topic: str, partition: int, offsets: int) -> None:
        """The lag of a partition that is assigned to us."""
        self._lag.labels(self._stage, bounded(topic, self._topics), str(partition)).set(offsets)

    def forget_lag(self, topic: str, partition: int) -> None:
        """The partition is no longer ours: its series would stay at its last value for ever."""
        try:
            self._lag.remove(self._stage, bounded(topic, self._topics), str(partition))
        except KeyError:
            return

    def backlog(self, partition: int, offsets: int) -> None:
        """What the next stage has not committed of one partition of our outbox."""
        self._backlog.labels(self._stage, str(partition)).set(offsets)

    def progressed(self) -> None:
        """Something was committed, or there is nothing to do."""
        self.last_progress.set(time.time())
