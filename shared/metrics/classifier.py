"""What the classifier measures besides its stream."""

from collections.abc import Collection
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from shared.metrics.labels import bounded

# A 30 s clip takes 50 ms (exact graph) to 700 ms (plain graphs) of one core.
INFERENCE_BUCKETS_S: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0)

NO_GENRE: Final = "none"
_STORES: Final = ("stored", "unavailable")
_SOURCES: Final = ("cache", "inference")


class ClassifierMetrics:
    """Inference, and what comes out of it."""

    def __init__(
        self, registry: CollectorRegistry, *, genres: Collection[str] = (), graphs: Collection[str] = ()
    ) -> None:
        """``genres`` that the ensemble can hear; ``graphs``, the files of its networks."""
        self._genres_known = frozenset(genres) | {NO_GENRE}
        self._graphs_known = frozenset(graphs)
        self.inference_seconds = Histogram(
            "needledrop_classifier_inference_seconds",
            "All networks over one track.",
            buckets=INFERENCE_BUCKETS_S,
            registry=registry,
        )
        self._graph_seconds = Histogram(
            "needledrop_classifier_graph_seconds",
            "One network over one track. Members that were compiled into one graph share its time.",
            ("graph",),
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
        for graph in self._graphs_known:
            self._graph_seconds.labels(graph)
        for genre in self._genres_known:
            self._genres.labels(genre)
        for outcome in _STORES:
            self._stores.labels(outcome)
        for source in _SOURCES:
            self._from_cache.labels(source)

    def labeled(self, *, genre: str | None, unsure: bool, from_cache: bool) -> None:
        """A label went out; ``genre`` is its first, None when it has none."""
        self._genres.labels(bounded(genre, self._genres_known) if genre else NO_GENRE).inc()
        self._from_cache.labels("cache" if from_cache else "inference").inc()
        if unsure:
            self.unsure.inc()

    def stored(self, outcome: str) -> None:
        """A result was ``stored``, or Redis was ``unavailable``."""
        self._stores.labels(bounded(outcome, _STORES)).inc()

    def ran(self, graph: str, seconds: float) -> None:
        """A network was run on a track."""
        self._graph_seconds.labels(bounded(graph, self._graphs_known)).observe(seconds)
