"""What a process is made of, as `_info` metrics: always 1, the facts are in the labels."""

import platform
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

DISTRIBUTION: Final = "needledrop"
_DIGEST_CHARACTERS: Final = 12  # enough to tell manifests apart, as in the default ensemble's folder


class BuildMetrics:
    """The code. Every registry of a process has it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        build = Gauge(
            "needledrop_build_info", "The code that runs; always 1.", ("version", "python"), registry=registry
        )
        build.labels(version(DISTRIBUTION), platform.python_version()).set(1)


class EnsembleMetrics:
    """The ensemble that a worker serves, and the version of the features beside it."""

    def __init__(self, registry: CollectorRegistry, *, version: str, digest: str, features: str) -> None:
        ensemble = Gauge(
            "needledrop_ensemble_info",
            "The ensemble that the worker serves; always 1.",
            ("version", "digest", "features"),
            registry=registry,
        )
        ensemble.labels(version, digest[:_DIGEST_CHARACTERS], features).set(1)
