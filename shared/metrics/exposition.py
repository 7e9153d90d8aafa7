"""The registry of a process, and its text for Prometheus."""

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from shared.metrics.build import BuildMetrics

Registry = CollectorRegistry
CONTENT_TYPE = CONTENT_TYPE_LATEST


def process_registry() -> Registry:
    """A registry with what Prometheus expects of any process: memory, CPU, descriptors, and the build."""
    # A second series for each counter, which nobody reads.
    disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no annotations
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    BuildMetrics(registry)
    return registry


def exposition(registry: Registry) -> bytes:
    """All metrics in Prometheus' text format."""
    return generate_latest(registry)
