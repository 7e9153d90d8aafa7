"""What the trends worker measures besides its stream. Names are from closed sets, each ending in `other`."""

from collections import Counter as Counts
from collections.abc import Iterable
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.metrics.labels import bounded

Window = Literal["minute", "hour"]
Kind = Literal["genre", "mood", "unsure", "failure"]

OUTCOMES: Final = ("counted", "repeated", "deletion", "malformed", "outdated")


class TrendsMetrics:
    """Windows, and what became of records."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        topics: Iterable[str],
        genres: Iterable[str],
        moods: Iterable[str],
        reasons: Iterable[str],
    ) -> None:
        def gauge(name: str, what: str, label: str, names: Iterable[str]) -> tuple[Gauge, tuple[str, ...]]:
            what += " in the last full minute, and in the last 60; of the partitions of this replica."
            return Gauge(f"needledrop_trends_{name}", what, ("window", label), registry=registry), tuple(names)

        self._gauges: dict[Kind, tuple[Gauge, tuple[str, ...]]] = {
            "genre": gauge("labels", "Labels by their best genre", "genre", genres),
            "mood": gauge("moods", "Labels by their most likely mood", "mood", moods),
            "failure": gauge("failures", "Failures by reason", "reason", reasons),
            "unsure": gauge("unsure_labels", "Labels that are unsure", "unsure", ("yes",)),
        }
        self._records = Counter(
            "needledrop_trends_records_total",
            "Records: counted, repeated (delivered before), deletion, malformed, outdated (older than any window).",
            ("topic", "outcome"),
            registry=registry,
        )
        self._topics = frozenset(topics)
        for topic in self._topics:
            for outcome in OUTCOMES:
                self._records.labels(topic, outcome)
        self.caught_up = Gauge(
            "needledrop_trends_caught_up", "1 while everything committed upstream is counted.", registry=registry
        )

    def record(self, topic: str, outcome: str) -> None:
        """A record was read, and this came of it."""
        self._records.labels(bounded(topic, self._topics), bounded(outcome, OUTCOMES)).inc()

    def window(self, window: Window, kind: Kind, counts: Counts[str]) -> None:
        """The counts of one kind in `minute` or `hour`; what is not named is 0."""
        gauge, names = self._gauges[kind]
        for name in names:
            gauge.labels(window, name).set(counts[name])
