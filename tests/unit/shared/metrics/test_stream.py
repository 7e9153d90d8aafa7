import pytest

from shared.metrics.exposition import Registry, exposition, process_registry
from shared.metrics.stream import StreamMetrics


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def metrics(registry: Registry) -> StreamMetrics:
    return StreamMetrics(registry, "extractor")


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


def test_outcomes_are_counted_by_how_they_ended(metrics: StreamMetrics, registry: Registry) -> None:
    metrics.labeled()
    metrics.failed("not_found")
    metrics.failed("not_found")
    metrics.deleted()

    def counted(outcome: str, reason: str = "") -> float | None:
        labels = {"stage": "extractor", "outcome": outcome, "reason": reason}
        return registry.get_sample_value("needledrop_stream_outcomes_total", labels)

    assert (counted("labeled"), counted("failed", "not_found"), counted("deleted")) == (1, 2, 1)


def test_process_registry_has_what_prometheus_expects_and_no_created_series() -> None:
    registry = process_registry()
    StreamMetrics(registry, "extractor").labeled()

    text = exposition(registry).decode()

    assert "process_resident_memory_bytes" in text
    assert "needledrop_stream_outcomes_total{" in text
    assert "_created" not in text
