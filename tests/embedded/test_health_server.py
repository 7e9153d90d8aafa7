import contextlib
import http.client
import threading
import urllib.request

import pytest

from shared.health.server import serving_health
from shared.kafka.faults import FencedError
from shared.metrics.exposition import Registry
from shared.metrics.stream import StreamMetrics
from shared.settings.workers import HttpSettings

ANY_PORT = HttpSettings(port=0)


def scrape(address: str) -> str:
    with urllib.request.urlopen(f"{address}/metrics", timeout=20) as answer:
        return str(answer.read().decode())


def end_fenced(registry: Registry, scrapes: list[str]) -> None:
    """A worker that is fenced while something scrapes it for as long as it answers."""

    def scrape_until_it_is_gone(address: str) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                scrapes.append(scrape(address))

    with serving_health(ANY_PORT, registry, live=lambda: None, ready=lambda: None) as address:
        scrape(address)
        StreamMetrics(registry, "extractor").stopped("fenced")
        threading.Thread(target=scrape_until_it_is_gone, args=(address,), daemon=True).start()
        raise FencedError("another worker has our slot")


def test_last_numbers_of_a_worker_that_was_fenced_are_read_before_it_ends() -> None:
    scrapes: list[str] = []

    with pytest.raises(FencedError):
        end_fenced(Registry(), scrapes)

    assert 'needledrop_stream_stops_total{cause="fenced",stage="extractor"} 1.0' in scrapes[0]


def test_worker_that_nobody_watches_does_not_wait_for_a_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.health.server._LAST_LOOK_WITHIN_S", 3600.0)  # beyond this test's time limit

    with pytest.raises(FencedError), serving_health(ANY_PORT, Registry(), live=lambda: None, ready=lambda: None):
        raise FencedError("another worker has our slot")
