import pytest

from shared.metrics.exposition import Registry, exposition, process_registry
from shared.metrics.stream import StreamMetrics


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def metrics(registry: Registry) -> StreamMetrics:
    return StreamMetrics(registry, "extractor", topics=("inbox",), ends_submissions=True)


def lag_of(registry: Registry, partition: str) -> float | None:
    labels = {"stage": "extractor", "topic": "inbox", "partition": partition}
    return registry.get_sample_value("needledrop_stream_consumer_lag", labels)


def test_lag_of_a_partition_that_is_no_longer_ours_is_not_shown(metrics: StreamMetrics, registry: Registry) -> None:
    metrics.lag("inbox", 0, 12)
    metrics.lag("inbox", 1, 3)

    metrics.forget_lag("inbox", 0)

    assert lag_of(registry, "0") is None
    assert lag_of(registry, "1") == 3
    assert b'partition="0"' not in exposition(registry)


def test_lag_of_a_partition_that_was_never_measured_can_be_forgotten(metrics: StreamMetrics) -> None:
    metrics.forget_lag("inbox", 5)


def counted(registry: Registry, outcome: str, reason: str = "", submission: str = "new") -> float | None:
    labels = {"stage": "extractor", "outcome": outcome, "reason": reason, "submission": submission}
    return registry.get_sample_value("needledrop_stream_outcomes_total", labels)


def test_outcomes_are_counted_by_how_they_ended(metrics: StreamMetrics, registry: Registry) -> None:
    metrics.ended("labeled", reason="", submission="new", seconds=1.0)
    metrics.ended("failed", reason="not_found", submission="new", seconds=None)
    metrics.ended("failed", reason="not_found", submission="replay", seconds=None)
    metrics.ended("deleted", reason="", submission="new", seconds=None)

    assert counted(registry, "labeled") == 1
    assert counted(registry, "failed", "not_found") == 1
    assert counted(registry, "failed", "not_found", "replay") == 1
    assert counted(registry, "deleted") == 1


def test_failures_are_zero_before_there_are_any(metrics: StreamMetrics, registry: Registry) -> None:
    assert counted(registry, "failed", "unreachable", "relabel") == 0


def test_latency_is_that_of_new_submissions(metrics: StreamMetrics, registry: Registry) -> None:
    metrics.ended("labeled", reason="", submission="new", seconds=2.0)
    metrics.ended("labeled", reason="", submission="relabel", seconds=9.0)

    total = registry.get_sample_value("needledrop_stream_end_to_end_seconds_sum", {"stage": "extractor"})
    assert total == 2.0


def test_process_registry_has_what_prometheus_expects_and_no_created_series() -> None:
    registry = process_registry()
    StreamMetrics(registry, "extractor", ends_submissions=True)

    text = exposition(registry).decode()

    assert "process_resident_memory_bytes" in text
    assert "needledrop_stream_outcomes_total{" in text
    assert "needledrop_build_info{" in text
    assert "_created" not in text
