"""Reads what workers serve at /metrics: numbers at one moment, and what happened between two. Pure."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All numbers of one process at one moment."""

    at_s: float
    values: Mapping[tuple[str, Labels], float]

    @classmethod
    def of(cls, exposition: str, *, at_s: float) -> "Snapshot":
        """Parse Prometheus' text format. Raises: ValueError when it is none."""
        values = {
            (sample.name, frozenset(sample.labels.items())): float(sample.value)
            for family in text_string_to_metric_families(exposition)
            for sample in family.samples
        }
        return cls(at_s, values)

    def of_name(self, name: str, **wanted: str) -> Iterator[tuple[dict[str, str], float]]:
        """The labels and the values of a metric, where the labels have these values."""
        for (found, labels), value in self.values.items():
            if found == name and wanted.items() <= labels:
                yield dict(labels), value

    def sum(self, name: str, **wanted: str) -> float:
        """The sum of a metric over its labels; 0 where there is none."""
        return sum(value for _, value in self.of_name(name, **wanted))

    def by(self, label: str, name: str, **wanted: str) -> dict[str, float]:
        """The sums of a metric by one of its labels, the largest first."""
        sums: defaultdict[str, float] = defaultdict(float)
        for labels, value in self.of_name(name, **wanted):
            sums[labels.get(label, "")] += value
        return dict(sorted(sums.items(), key=lambda one: -one[1]))


def between(earlier: Snapshot | None, later: Snapshot) -> Snapshot:
    """How much each counter grew. A process that was started again begins at 0."""
    if earlier is None:
        return Snapshot(later.at_s, {})
    values = {}
    for key, value in later.values.items():
        before = earlier.values.get(key, 0.0)
        values[key] = value - before if value >= before else value
    return Snapshot(later.at_s, values)


def together(snapshots: Iterable[Snapshot]) -> Snapshot:
    """The sums over processes: of counters, and of gauges of which a sum means something."""
    values: defaultdict[tuple[str, Labels], float] = defaultdict(float)
    at_s = 0.0
    for snapshot in snapshots:
        at_s = max(at_s, snapshot.at_s)
        for key, value in snapshot.values.items():
            values[key] += value
    return Snapshot(at_s, values)


def quantile(q: float, growth: Snapshot, name: str, **wanted: str) -> float | None:
    """The q-quantile of a histogram's observations, as Prometheus' histogram_quantile estimates it.

    Linear within a bucket; the upper bound of the last finite bucket when it is beyond that. None without observations.
    """
    buckets = {_bound(bound): n for bound, n in growth.by("le", f"{name}_bucket", **wanted).items()}
    total = buckets.get(math.inf, 0)
    if total <= 0:
        return None
    rank = q * total
    below_s, n_below = 0.0, 0.0
    for bound_s in sorted(buckets):
        n = buckets[bound_s]
        if n >= rank:
            if math.isinf(bound_s):
                return below_s
            return below_s + (bound_s - below_s) * (rank - n_below) / (n - n_below) if n > n_below else bound_s
        below_s, n_below = bound_s, n
    return below_s


def _bound(text: str) -> float:
    return math.inf if text == "+Inf" else float(text)
