"""Writes docs/metrics.md, the table of all metrics, from the code: `python -m shared.metrics.documents`."""

import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

import shared.metrics
from shared.metrics.build import EnsembleMetrics
from shared.metrics.classifier import ClassifierMetrics
from shared.metrics.labels import MEANINGS
from shared.metrics.stream import StreamMetrics
from shared.metrics.trends import TrendsMetrics

PAGE: Final = Path(__file__).parents[2] / "docs" / "metrics.md"

_HEAD: Final = """# Metrics

Each worker serves these at `/metrics` (`NEEDLEDROP_HTTP_HOST`, `NEEDLEDROP_HTTP_PORT`), with the usual `process_*` and
`python_*` beside them. Times are in seconds, sizes in bytes. Counters of a worker begin at 0 when it starts.
This page is generated from the code by `make schemas`; what to do about them is in [runbook.md](runbook.md).
"""
_LABELS: Final = """## Labels

No label has a value that a track, a person or a message could choose.

| label | values |
|---|---|
"""

MADE_WITH: Final[Mapping[type, Callable[[Any], object]]] = {
    StreamMetrics: lambda registry: StreamMetrics(registry, "stage"),
    ClassifierMetrics: lambda registry: ClassifierMetrics(registry, genres=("genre",), graphs=("graph.onnx",)),
    EnsembleMetrics: lambda registry: EnsembleMetrics(registry, version="1", digest="0", features="1"),
    TrendsMetrics: lambda registry: TrendsMetrics(
        registry, topics=("topic",), genres=("genre",), moods=("mood",), reasons=("reason",)
    ),
}
"""How to make those that need more than a registry."""


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric as the code declares it."""

    name: str
    """As Prometheus knows it: a counter's ends in _total."""
    kind: str
    labels: tuple[str, ...]
    what: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names that a query may use."""
        return (
            tuple(self.name + end for end in ("_bucket", "_sum", "_count"))
            if self.kind == "histogram"
            else (self.name,)
        )


def groups() -> list[type]:
    """Every class of metrics there is: those of this package whose names end in Metrics."""
    modules = [
        import_module(f"{shared.metrics.__name__}.{one.name}") for one in pkgutil.iter_modules(shared.metrics.__path__)
    ]
    return [
        found
        for module in modules
        for name, found in inspect.getmembers(module, inspect.isclass)
        if name.endswith("Metrics") and found.__module__ == module.__name__
    ]


def made(group: type, registry: CollectorRegistry) -> object:
    """One of ``group``, with its metrics in ``registry``."""
    return MADE_WITH.get(group, group)(registry)


def declared(group: type) -> list[Declared]:
    """The metrics of ``group``, by name."""
    registry = CollectorRegistry()
    made(group, registry)
    return sorted(_declared_in(registry), key=lambda one: one.name)


def _declared_in(registry: CollectorRegistry) -> Iterator[Declared]:
    # Public ways to a metric only show it once it has a value; label names are needed before that.
    for metric in set(registry._collector_to_names):  # noqa: SLF001
        if isinstance(metric, MetricWrapperBase):
            [described] = metric.describe()
            name = described.name + ("_total" if described.type == "counter" else "")
            yield Declared(name, described.type, tuple(metric._labelnames), described.documentation)  # noqa: SLF001


def metrics_page() -> str:
    """One table a group, then one of all labels."""
    tables = []
    for group in groups():
        meaning = " ".join((group.__doc__ or "").split())
        rows = [
            f"| `{one.name}` | {one.kind} | {', '.join(one.labels) or ''} | {one.what.replace('|', '/')} |"
            for one in declared(group)
        ]
        title = group.__name__.removesuffix("Metrics")
        tables.append(
            "\n".join(
                [f"## {title}\n\n{meaning}\n\n| metric | type | labels | meaning |", "|---|---|---|---|", *rows, ""]
            )
        )
    used = {label for group in groups() for one in declared(group) for label in one.labels}
    labels = "\n".join(f"| `{label}` | {MEANINGS[label]} |" for label in sorted(used))
    return "\n".join([_HEAD, *tables, _LABELS + labels + "\n"])


if __name__ == "__main__":
    PAGE.write_text(metrics_page(), encoding="utf-8")
