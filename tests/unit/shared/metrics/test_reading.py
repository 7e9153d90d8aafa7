import itertools
import math
import random

import pytest
from prometheus_client import Counter, Histogram

from shared.metrics.exposition import Registry, exposition
from shared.metrics.reading import Snapshot, between, quantile, together

BUCKETS = (0.1, 0.5, 1.0, 5.0)


def served(registry: Registry, *, at_s: float = 0.0) -> Snapshot:
    return Snapshot.of(exposition(registry).decode(), at_s=at_s)


def test_snapshot_has_what_was_counted_by_its_labels() -> None:
    registry = Registry()
    counter = Counter("tracks_total", "Tracks.", ("stage", "outcome"), registry=registry)
    counter.labels("extractor", "failed").inc(3)
    counter.labels("extractor", "labeled").inc(4)
    counter.labels("classifier", "labeled").inc(5)

    snapshot = served(registry)

    assert snapshot.sum("tracks_total") == 12
    assert snapshot.sum("tracks_total", stage="extractor") == 7
    assert snapshot.by("outcome", "tracks_total") == {"labeled": 9, "failed": 3}
    assert snapshot.sum("tracks_total", stage="nobody") == 0


def test_growth_is_the_difference_and_begins_anew_with_a_process() -> None:
    key = ("tracks_total", frozenset[tuple[str, str]]())
    first, later, restarted = (Snapshot(at_s, {key: n}) for at_s, n in ((0, 10.0), (1, 14.0), (2, 3.0)))

    assert between(first, later).sum("tracks_total") == 4
    assert between(later, restarted).sum("tracks_total") == 3


def test_snapshots_of_several_processes_add_up() -> None:
    key = ("tracks_total", frozenset({("stage", "extractor")}))

    assert together([Snapshot(1, {key: 2.0}), Snapshot(2, {key: 5.0})]).sum("tracks_total") == 7


@pytest.mark.parametrize("q", [0.01, 0.5, 0.9, 0.99])
def test_quantile_is_in_the_bucket_of_the_true_one(q: float) -> None:
    registry = Registry()
    histogram = Histogram("took_seconds", "Time.", buckets=BUCKETS, registry=registry)
    values = sorted(random.Random(1).expovariate(1.5) for _ in range(1000))
    for value in values:
        histogram.observe(value)

    found = quantile(q, served(registry), "took_seconds")

    true = values[math.ceil(q * len(values)) - 1]
    bounds = (0.0, *BUCKETS)
    [(low, high)] = [(low, high) for low, high in itertools.pairwise(bounds) if low < true <= high]
    assert found is not None
    assert low <= found <= high


def test_quantile_equals_what_prometheus_says() -> None:
    """histogram_quantile of 10, 20, 20 observations up to 1, 2, 4: 0.5 is the 25th, three quarters into (1, 2]."""
    values = {("t_bucket", frozenset({("le", bound)})): n for bound, n in (("1.0", 10.0), ("2.0", 30.0), ("4.0", 50.0))}
    values["t_bucket", frozenset({("le", "+Inf")})] = 50.0

    assert quantile(0.5, Snapshot(0, values), "t") == pytest.approx(1.75)
    assert quantile(0.9, Snapshot(0, values), "t") == pytest.approx(3.5)


def test_quantile_beyond_the_last_bucket_is_its_bound_and_without_observations_there_is_none() -> None:
    registry = Registry()
    histogram = Histogram("took_seconds", "Time.", buckets=BUCKETS, registry=registry)
    assert quantile(0.5, served(registry), "took_seconds") is None

    histogram.observe(60.0)

    assert quantile(0.5, served(registry), "took_seconds") == 5.0
