"""A whole catalog in a thread of the test's own process, and records for it."""

import json
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.embedded.ports import free_port
from shared.kafka.clients import plain_producer
from shared.kafka.records import Record
from shared.settings.catalog import CatalogSettings
from shared.settings.kafka import KafkaSettings
from shared.settings.media import MediaSettings
from shared.settings.workers import HttpSettings
from workers.catalog.main import run

TOPICS = {TRACKS_LABELED.name: 3, TRACKS_FAILED.name: 2}


def publish(kafka: KafkaSettings, *records: Record) -> None:
    producer = plain_producer(kafka)
    for record in records:
        producer.produce(record.topic, record.value, key=record.key, headers=list(record.headers))
    assert producer.flush(30) == 0


class RunningCatalog:
    """The worker in a thread."""

    def __init__(self, kafka: KafkaSettings, folder: Path, media: MediaSettings | None = None) -> None:
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._web, self._health = free_port(), free_port()
        settings = CatalogSettings(folder=folder, web_port=self._web)
        arguments = (kafka, settings, media or MediaSettings(), HttpSettings(port=self._health), self._stop)
        self._thread = threading.Thread(target=self._run, args=arguments, daemon=True)
        self._thread.start()

    def _run(self, *arguments: Any) -> None:
        try:
            run(*arguments)
        except BaseException as error:  # noqa: BLE001 - kept for the test to look at
            self.error = error

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._web}"

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()

    def put(self, path: str, body: dict[str, Any]) -> None:
        headers = {"content-type": "application/json"}
        address = f"http://127.0.0.1:{self._web}{path}"
        request = urllib.request.Request(address, json.dumps(body).encode(), headers, method="PUT")
        with urllib.request.urlopen(request, timeout=10):
            pass

    def delete(self, path: str) -> None:
        request = urllib.request.Request(f"http://127.0.0.1:{self._web}{path}", method="DELETE")
        with urllib.request.urlopen(request, timeout=10):
            pass

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._web}{path}", timeout=10) as answer:
            return json.load(answer)

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._health}/metrics", timeout=10) as answer:
            return str(answer.read().decode())

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._health}/readyz", timeout=10):
                return True
        except urllib.error.URLError:
            return False

    def tracks(self) -> set[str]:
        return {item["id"] for item in self.get("/api/tracks")["items"]}
