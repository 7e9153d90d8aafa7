"""What the catalog measures besides its lag. Routes are from a closed set: the templates of the API."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared.metrics.labels import OTHER, FirstOnes, bounded

CHANGES: Final = ("labeled", "deleted", "failed", "stale", "invalid")
# From a lookup in memory (1 ms) to an export of everything.
REQUEST_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)

# Templates of paths, which the web framework gives: some twenty.
_MOST_ROUTES: Final = 50
_STATUSES: Final = range(100, 600)


class CatalogMetrics:
    """Tracks, changes and requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._route = FirstOnes(_MOST_ROUTES)
        self.tracks = Gauge("needledrop_catalog_tracks", "Labeled tracks.", registry=registry)
        self.failed_tracks = Gauge(
            "needledrop_catalog_failed_tracks", "Tracks whose newest outcome is a failure.", registry=registry
        )
        self._records = Counter(
            "needledrop_catalog_records_total",
            "Records: labeled, deleted, failed, stale (nothing new), invalid (no events of ours).",
            ("change",),
            registry=registry,
        )
        for change in CHANGES:
            self._records.labels(change)
        self.write_seconds = Histogram(
            "needledrop_catalog_write_seconds",
            "Writing a batch of records and its offsets to disk.",
            buckets=REQUEST_BUCKETS_S,
            registry=registry,
        )
        self.caught_up = Gauge(
            "needledrop_catalog_caught_up", "1 while all that is committed upstream is served.", registry=registry
        )
        self._requests = Counter(
            "needledrop_catalog_requests_total", "Requests by route and status.", ("route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "needledrop_catalog_request_seconds",
            "Until the last byte of an answer, by route.",
            ("route",),
            buckets=REQUEST_BUCKETS_S,
            registry=registry,
        )

    def records(self, change: str, n: int) -> None:
        """So many records came to this."""
        self._records.labels(bounded(change, CHANGES)).inc(n)

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        known = self._route(route)
        self._requests.labels(known, str(status) if status in _STATUSES else OTHER).inc()
        self._seconds.labels(known).observe(seconds)
