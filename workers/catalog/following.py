"""Follows the label and failure topics into the catalogue, and says how far it is."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from schemas.errors import InvalidEventError, UnreachableError
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.kafka.records import Record
from shared.kafka.tailing import Place, Tail
from shared.metrics.catalog import CatalogMetrics
from shared.metrics.stream import StreamMetrics
from workers.catalog.catalogue import Catalogue
from workers.catalog.changes import Change, change_of

log = logging.getLogger("needledrop.catalog")

TOPICS: Final = (TRACKS_LABELED.name, TRACKS_FAILED.name)
# Records that are written at once: some 0.1 s, 5 MB.
_AT_ONCE: Final = 500
_WAIT_S: Final = 0.2
_TRY_AGAIN_S: Final = 0.5
# Transaction markers move positions while nothing arrives; stored this often, or a restart would read them again.
_POSITIONS_EVERY_S: Final = 5.0
_MEASURE_EVERY_S: Final = 1.0

OffsetsOf: TypeAlias = Callable[[str], dict[Place, int]]
"""The offsets that are stored for a cluster, by its id."""


class Following:
    """One run. ``run`` belongs to one thread; the properties may be read from others."""

    def __init__(
        self, tail: Tail, catalogue: Catalogue, metrics: CatalogMetrics, stream_metrics: StreamMetrics
    ) -> None:
        self._tail = tail
        self._catalogue = catalogue
        self._metrics = metrics
        self._stream_metrics = stream_metrics
        stream_metrics.in_flight_limit.set(_AT_ONCE)
        self._cluster_id = ""
        self._stored: dict[Place, int] = {}
        self._measure_at = self._store_at = 0.0
        self.joined = False
        """Whether all that was committed when it began is served."""
        self.lag = 0
        """Offsets behind, as last seen."""
        self.last_progress = time.monotonic()
        """When something was stored, or there was nothing to do (time.monotonic)."""

    def run(self, offsets_of: OffsetsOf, stop: threading.Event) -> None:
        """Follow until ``stop``; waits for brokers and topics as long as they are away. Raises: StreamStoppedError."""
        try:
            if not self._begin(offsets_of, stop):
                return
            while not stop.is_set():
                records = self._tail.take(_AT_ONCE, _WAIT_S)
                if records:
                    self._take_in(records)
                self._look(time.monotonic())
            self._store_positions()
        finally:
            self._tail.close()

    def _begin(self, offsets_of: OffsetsOf, stop: threading.Event) -> bool:
        while not stop.is_set():
            try:
                self._cluster_id = self._tail.cluster_id()
                self._stored = offsets_of(self._cluster_id)
                self._tail.start(self._cluster_id, self._stored)
            except UnreachableError as error:
                log.warning("%s; trying again", error)
                self.last_progress = time.monotonic()  # another process would not find them either
                stop.wait(_TRY_AGAIN_S)
            else:
                log.info("following", extra={"cluster": self._cluster_id, "known_partitions": len(self._stored)})
                return True
        return False

    def _take_in(self, records: Sequence[Record]) -> None:
        self._stream_metrics.taken.inc(len(records))
        changes = [change for record in records if (change := self._change(record))]
        positions = self._tail.positions()
        with self._metrics.write_seconds.time():
            counts = self._catalogue.take_in(changes, self._cluster_id, positions)
        self._stored = positions
        for outcome in ("labeled", "deleted", "failed", "stale"):
            self._metrics.records(outcome, getattr(counts, outcome))
        self._stream_metrics.committed.inc(len(records))
        self._progressed()

    def _change(self, record: Record) -> Change | None:
        try:
            return change_of(record)
        except InvalidEventError as error:
            self._metrics.records("invalid", 1)
            log.warning("a record is no event of ours: %s", error, extra={"coordinates": str(record.coordinates)})
            return None

    def _look(self, now: float) -> None:
        if now >= self._store_at:
            self._store_at = now + _POSITIONS_EVERY_S
            self._store_positions()
        # Until all is served somebody waits for us to say so.
        if now >= self._measure_at or not self.joined:
            self._measure_at = now + _MEASURE_EVERY_S
            self._measure()

    def _store_positions(self) -> None:
        positions = self._tail.positions()
        if positions != self._stored:
            self._catalogue.take_in((), self._cluster_id, positions)
            self._stored = positions

    def _measure(self) -> None:
        lags = self._tail.lags()
        for (topic, partition), lag in lags.items():
            if lag is not None:
                self._stream_metrics.lag(topic, partition, lag)
        self.lag = sum(lag or 0 for lag in lags.values())
        caught_up = bool(lags) and all(lag == 0 for lag in lags.values())
        self.joined = self.joined or caught_up
        self._metrics.caught_up.set(caught_up)
        self._metrics.tracks.set(self._catalogue.n_tracks)
        self._metrics.failed_tracks.set(self._catalogue.n_failed)
        if caught_up:
            self._progressed()

    def _progressed(self) -> None:
        self.last_progress = time.monotonic()
        self._stream_metrics.progressed()
