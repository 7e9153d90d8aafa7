"""What the projector measures besides its stream."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class ProjectorMetrics:
    """Views, and Redis."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._views = Counter(
            "needledrop_projector_views_total",
            "Outcomes: written, or stale (a newer one was known).",
            ("outcome",),
            registry=registry,
        )
        self.invalid = Counter(
            "needledrop_projector_invalid_records_total", "Records that are no events of ours.", registry=registry
        )
        self.redis_up = Gauge("needledrop_projector_redis_up", "Whether Redis took the last write.", registry=registry)
        self.last_write = Gauge(
            "needledrop_projector_last_write_timestamp_seconds", "When views were last written.", registry=registry
        )
        for outcome in ("written", "stale"):
            self._views.labels(outcome)

    def wrote(self, n_written: int, *, stale: int) -> None:
        """Views were written; so many others were older than what Redis knew."""
        self._views.labels("written").inc(n_written)
        self._views.labels("stale").inc(stale)
