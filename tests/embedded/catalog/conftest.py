"""A catalog's web server on a port of its own, over a catalogue that is filled by hand."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from shared.kafka.records import Record
from shared.metrics.catalog import CatalogMetrics
from shared.settings.catalog import CatalogSettings
from workers.catalog.catalogue import Catalogue
from workers.catalog.changes import change_of
from workers.catalog.saved import SavedSelections
from workers.catalog.store import Store
from workers.catalog.web.app import application, serving


@dataclass
class Served:
    """A running web server, and what it serves."""

    address: str
    catalogue: Catalogue
    registry: CollectorRegistry
    client: httpx.Client
    stop: Callable[[], None]
    """Ends the server."""

    def fill(self, *records: Record) -> None:
        """What Kafka would bring."""
        changes = [change for record in records if (change := change_of(record))]
        self.catalogue.take_in(changes, "cluster", {})

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of an answer, which must be a success."""
        answer = self.client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ids(self, path: str, **parameters: Any) -> list[str]:
        """The ids of the items of an answer."""
        return [item["id"] for item in self.get(path, **parameters)["items"]]

    def refused(self, path: str, **parameters: Any) -> tuple[int, str]:
        """Status and message of an answer, which must be a refusal in the one shape."""
        answer = self.client.get(path, params=parameters)
        error = answer.json()["error"]
        assert error["status"] == answer.status_code
        return answer.status_code, str(error["message"])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts web servers: ``served(*records, roots=(...), **settings)``."""
    with ExitStack() as running:

        def start(*records: Record, roots: Sequence[Path] = (), **settings: Any) -> Served:
            store = Store(tmp_path / "catalog.duckdb")
            running.callback(store.close)
            catalogue, registry = Catalogue(store, now_ms=0), CollectorRegistry()
            chosen = CatalogSettings(folder=tmp_path, requests_per_s=10_000, **settings)
            saved = SavedSelections(tmp_path / "selections.json")
            app = application(catalogue, saved, chosen, roots, CatalogMetrics(registry))
            server = running.enter_context(ExitStack())
            address = server.enter_context(serving(app, "127.0.0.1", 0))
            client = running.enter_context(httpx.Client(base_url=address, timeout=30, trust_env=False))
            started = Served(address, catalogue, registry, client, server.close)
            started.fill(*records)
            return started

        yield start
