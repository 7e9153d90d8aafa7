"""Counts what a committed transaction has written, and the submissions that it has ended."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

from shared.kafka.records import Outgoing
from shared.metrics.stream import StreamMetrics


def count_written(outputs: Iterable[Outgoing], metrics: StreamMetrics) -> None:
    """Count ``outputs``, which are committed now."""
    now = datetime.now(UTC)
    topics: Counter[str] = Counter()
    for output in outputs:
        topics[output.topic] += 1
        end = output.end
        if end:
            seconds = (now - end.submitted_at).total_seconds() if end.submitted_at else None
            metrics.ended(end.outcome, reason=end.reason, submission=end.submission, seconds=seconds)
    for topic, n_written in topics.items():
        metrics.wrote(topic, n_written)
