from collections import Counter

from prometheus_client import CollectorRegistry

from shared.metrics.trends import TrendsMetrics


def some_metrics(registry: CollectorRegistry) -> TrendsMetrics:
    return TrendsMetrics(
        registry, topics=("labels",), genres=("jazz", "other"), moods=("sad",), reasons=("not_found", "other")
    )


def test_window_sets_each_name_and_takes_back_what_is_no_longer_there() -> None:
    registry = CollectorRegistry()
    metrics = some_metrics(registry)
    metrics.window("minute", "genre", Counter(jazz=3, other=1))

    metrics.window("minute", "genre", Counter(other=2))

    assert registry.get_sample_value("needledrop_trends_labels", {"window": "minute", "genre": "jazz"}) == 0
    assert registry.get_sample_value("needledrop_trends_labels", {"window": "minute", "genre": "other"}) == 2


def test_window_makes_no_series_for_a_name_outside_the_closed_set() -> None:
    registry = CollectorRegistry()

    some_metrics(registry).window("hour", "failure", Counter({"of_tomorrow": 3}))

    found = {
        sample.labels["reason"]
        for metric in registry.collect()
        for sample in metric.samples
        if "reason" in sample.labels
    }
    assert found == {"not_found", "other"}


def test_records_are_zero_before_there_are_any() -> None:
    registry = CollectorRegistry()
    metrics = some_metrics(registry)
    labels = {"topic": "labels", "outcome": "malformed"}
    assert registry.get_sample_value("needledrop_trends_records_total", labels) == 0

    metrics.record("labels", "malformed")

    assert registry.get_sample_value("needledrop_trends_records_total", labels) == 1
