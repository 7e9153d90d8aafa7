"""Wires the catalog: records from Kafka into the catalogue in a thread, and the web server that reads it."""

import gc
import logging
import sys
import threading
import time
from contextlib import closing
from typing import Final

from shared.health.checks import StreamChecks
from shared.health.server import serving_health
from shared.kafka.tailing import Tail
from shared.metrics.catalog import CatalogMetrics
from shared.metrics.exposition import process_registry
from shared.metrics.stream import StreamMetrics
from shared.settings.catalog import CatalogSettings
from shared.settings.kafka import KafkaSettings
from shared.settings.media import MediaSettings
from shared.settings.workers import HttpSettings
from workers.catalog.catalogue import Catalogue
from workers.catalog.following import TOPICS, Following
from workers.catalog.saved import FILE as SAVED_FILE
from workers.catalog.saved import SavedSelections
from workers.catalog.store import Store
from workers.catalog.web.app import application, serving

log = logging.getLogger("needledrop.catalog")

STAGE: Final = "catalog"
FILE: Final = "catalog.duckdb"
# A request lets go of the interpreter in each of its array operations. By Python's own 5 ms it would then wait so long,
# again and again, while a batch of labels is parsed beside it.
_SWITCH_S: Final = 0.0005
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


def run(
    kafka: KafkaSettings, settings: CatalogSettings, media: MediaSettings, http: HttpSettings, stop: threading.Event
) -> None:
    """Follow labels and failures, and serve them, until ``stop``. Raises: InvalidSettingError, StreamStoppedError."""
    if not settings.callers and settings.web_host not in _LOOPBACK:
        log.warning("NEEDLEDROP_CATALOG_CALLERS is empty: whoever reaches the port may ask")
    sys.setswitchinterval(_SWITCH_S)
    registry = process_registry()
    metrics = CatalogMetrics(registry)
    saved = SavedSelections(settings.folder / SAVED_FILE)
    with closing(Store(settings.folder / FILE)) as store:
        catalogue = Catalogue(store, now_ms=int(time.time() * 1000))
        gc.freeze()  # what was read stays: a collection need not look through it while requests wait
        log.info("catalogue read", extra={"tracks": catalogue.n_tracks})
        following = Following(Tail(kafka, TOPICS), catalogue, metrics, StreamMetrics(registry, STAGE))
        checks = StreamChecks(following, stuck_after_s=http.stuck_after_s)

        def ready() -> str | None:
            return None if following.joined else f"not caught up: {following.lag} offsets behind"

        app = application(catalogue, saved, settings, media.roots, metrics)
        with (
            serving(app, settings.web_host, settings.web_port),
            serving_health(http, registry, live=checks.live, ready=ready),
        ):
            following.run(store.offsets, stop)
