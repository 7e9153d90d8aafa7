"""What the classifier measures besides its stream."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

# A 30 s clip takes 50 ms (exact graph) to 700 ms (plain graphs) of one core.
INFERENCE_BUCKETS_S: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0)


class ClassifierMetrics:
    """Inference, and what comes out of it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.inference_seconds = Histogram(
            "needledrop_classifier_inference_seconds",
            "All networks over one track.",
            buckets=INFERENCE_BUCKETS_S,
            registry=registry,
        )
        self.patches = Counter("needledrop_classifier_patches_total", "Patches heard.", registry=registry)
        self._genres = Counter(
            "needledrop_classifier_labels_total",
            "Labels by first genre (of the taxonomy).",
            ("genre",),
            registry=registry,
        )
        self.unsure = Counter("needledrop_classifier_unsure_total", "Labels that are unsure.", registry=registry)
        self._stores = Counter(
            "needledrop_classifier_result_stores_total",
            "Results put into the cache: stored, unavailable.",
            ("outcome",),
            registry=registry,
        )
        self._from_cache = Counter(
            "needledrop_classifier_results_total",
            "Labels by where the result came from: cache, inference.",
            ("source",),
            registry=registry,
        )

    def labeled(self, *, genre: str, unsure: bool, from_cache: bool) -> None:
        """A label went out; ``genre`` is its first, or ``none``."""
        self._genres.labels(genre).inc()
        self._from_cache.labels("cache" if from_cache else "inference").inc()
        if unsure:
            self.unsure.inc()

    def stored(self, outcome: str) -> None:
        """A result was ``stored``, or Redis was ``unavailable``."""
        self._stores.labels(outcome).inc()
