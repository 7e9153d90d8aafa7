"""What the extractor measures besides its stream."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared.metrics.labels import bounded

# From a local file (1 ms) to the longest download that the settings allow.
FETCH_BUCKETS_S: Final = (0.001, 0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)
# From a one-second file to a quarter of an hour of music, and decoders that hang.
ANALYSE_BUCKETS_S: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)

_SCHEMES: Final = ("file", "http", "https", "s3")
_CAUSES: Final = ("crash", "memory", "timeout")
_LOOKUPS: Final = ("hit", "miss", "unavailable")


class ExtractorMetrics:
    """Fetching, decoding, and the lookup of earlier results."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.fetch_seconds = Histogram(
            "needledrop_extractor_fetch_seconds",
            "Opening and reading, retries included.",
            buckets=FETCH_BUCKETS_S,
            registry=registry,
        )
        self.fetched_bytes = Counter(
            "needledrop_extractor_fetched_bytes_total", "Bytes of audio read.", registry=registry
        )
        self._retries = Counter(
            "needledrop_extractor_fetch_retries_total",
            "Fetches tried again because something was unreachable, by where from.",
            ("scheme",),
            registry=registry,
        )
        self.analyse_seconds = Histogram(
            "needledrop_extractor_analyse_seconds",
            "Decoding and signal analysis.",
            buckets=ANALYSE_BUCKETS_S,
            registry=registry,
        )
        self._restarts = Counter(
            "needledrop_extractor_decoder_restarts_total",
            "Decoding processes that were replaced, over: crash, memory, timeout.",
            ("cause",),
            registry=registry,
        )
        self.draining = Gauge(
            "needledrop_extractor_draining",
            "1 while `needledrop drain` keeps the worker from taking submissions.",
            registry=registry,
        )
        self.decoders = Gauge("needledrop_extractor_decoders", "Decoding processes.", registry=registry)
        self._lookups = Counter(
            "needledrop_extractor_result_lookups_total",
            "Lookups of earlier results: hit, miss, unavailable.",
            ("outcome",),
            registry=registry,
        )
        for scheme in _SCHEMES:
            self._retries.labels(scheme)
        for cause in _CAUSES:
            self._restarts.labels(cause)
        for outcome in _LOOKUPS:
            self._lookups.labels(outcome)

    def retried(self, uri: str, times: int) -> None:
        """Something was fetched so many ``times`` more than once."""
        if times:
            self._retries.labels(bounded(uri.partition(":")[0].lower(), _SCHEMES)).inc(times)

    def restarted(self, cause: str) -> None:
        """A decoding process was replaced over a ``crash``, its ``memory`` or a ``timeout``."""
        self._restarts.labels(bounded(cause, _CAUSES)).inc()

    def looked_up(self, outcome: str) -> None:
        """A lookup was a ``hit``, a ``miss``, or Redis was ``unavailable``."""
        self._lookups.labels(bounded(outcome, _LOOKUPS)).inc()
