"""Wires the trends worker: Faust in the main thread's event loop, health from a thread of its own."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from aiokafka.errors import KafkaError

from shared.health.checks import StreamChecks
from shared.health.server import serving_health
from shared.kafka.clients import LogBridge
from shared.kafka.faults import StreamStoppedError
from shared.kafka.names import TRENDS
from shared.lifecycle import EXIT_OK, EXIT_STOPPED
from shared.metrics.exposition import Registry, process_registry
from shared.metrics.stream import StreamMetrics
from shared.metrics.trends import Kind, TrendsMetrics, Window
from shared.settings.kafka import KafkaSettings
from shared.settings.trends import TrendsSettings
from shared.settings.workers import HttpSettings
from workers.trends.app import Counting
from workers.trends.counting import genres, moods, reasons
from workers.trends.cures import CuredApp
from workers.trends.tables import changelogs
from workers.trends.topics import Shape, prepared_topics
from workers.trends.view import Standing, View, view
from workers.trends.web import serving_view
from workers.trends.windows import HOUR_S, MINUTE_S, SOURCES, Sums, merged, window_at

log = logging.getLogger("needledrop.trends")

STAGE: Final = "trends"
_LOOK_EVERY_S: Final = 0.1
_MEASURE_EVERY_S: Final = 2.0
_FORGET_EVERY_S: Final = 60.0
# Faust's full buffer of 4,096 records is counted in some 5 s.
_DELIVERED_WITHIN_S: Final = 10.0
# An event loop that has not measured for so long hangs.
_SILENT_S: Final = 15.0
# Orchestrators kill after 10 s or more.
_STOP_WITHIN_S: Final = 8.0


class Trends:
    """One run of the worker, and what other threads may know of it."""

    def __init__(self, kafka: KafkaSettings, settings: TrendsSettings, registry: Registry) -> None:
        self._kafka = kafka
        self._settings = settings
        self._stream_metrics = StreamMetrics(registry, STAGE)
        self._metrics = TrendsMetrics(registry, topics=SOURCES, genres=genres(), moods=moods(), reasons=reasons())
        self._started_at = self._measured_at = time.monotonic()
        self._lags: dict[tuple[str, int], int | None] = {}
        self._counting: Counting | None = None
        self._shapes: Mapping[str, Shape] = {}

    @property
    def joined(self) -> bool:
        """Whether the tables are recovered and partitions assigned, or this is a spare."""
        return self._counting is not None and self._counting.app.is_settled()

    @property
    def lag(self) -> int:
        """Offsets behind. Without partitions yet, or with an event loop that hangs, it is behind, whatever it saw."""
        if self._counting is None:
            return 0  # waits for the brokers, which another process would not find either
        doubtful = not self.joined or time.monotonic() - self._measured_at > _SILENT_S
        return max(sum(lag or 0 for lag in self._lags.values()), int(doubtful))

    @property
    def last_progress(self) -> float:
        """When something was committed, or there was nothing to do (time.monotonic)."""
        return self._counting.last_progress if self._counting else self._started_at

    async def run(self, stop: threading.Event) -> None:
        """Count until ``stop``. Raises: InvalidSettingError, StreamStoppedError."""
        hours_kept = self._settings.hours_kept
        self._shapes = await prepared_topics(self._kafka, SOURCES, changelogs(TRENDS, hours_kept), stop)
        if not self._shapes:
            return
        self._measured_at = time.monotonic()
        self._counting = Counting(self._kafka, self._shapes, hours_kept, self._stream_metrics, self._metrics)
        async with serving_view(self._settings, self.current) as address:
            log.info("serving what is being labeled", extra={"address": address})
            await self._count(self._counting, stop)

    async def _count(self, counting: Counting, stop: threading.Event) -> None:
        app = counting.app
        starting = asyncio.create_task(app.start())
        reason: BaseException | None = None
        try:
            await self._watch(counting, starting, stop)
            reason = app.crash_reason or (starting.exception() if starting.done() else None)
        except KafkaError as error:
            reason = error
        finally:
            await _stop(app, starting, otherwise=EXIT_OK if stop.is_set() else EXIT_STOPPED)
        if reason:
            raise StreamStoppedError(f"Faust gave up: {reason!r}") from reason

    async def _watch(self, counting: Counting, starting: asyncio.Task[None], stop: threading.Event) -> None:
        """Measure and tidy up until Faust or somebody else ends it."""
        measure_at = forget_at = time.monotonic()
        while not (stop.is_set() or counting.app.crashed or (starting.done() and starting.exception())):
            now = time.monotonic()
            if now >= measure_at:
                measure_at = now + _MEASURE_EVERY_S
                self._measure(counting)
                if counting.app.longest_wait_s() > _DELIVERED_WITHIN_S:
                    log.warning("records were fetched and not delivered: reading again from what is committed")
                    await counting.app.read_again()
            if now >= forget_at:
                forget_at = now + _FORGET_EVERY_S
                counting.forget_outdated(time.time())
            await asyncio.sleep(_LOOK_EVERY_S)

    def _measure(self, counting: Counting) -> None:
        self._measured_at = time.monotonic()
        lags = counting.lags()
        for topic, partition in self._lags.keys() - lags.keys():
            self._stream_metrics.forget_lag(topic, partition)
        for (topic, partition), lag in lags.items():
            if lag is not None:
                self._stream_metrics.lag(topic, partition, lag)
        self._lags = lags
        caught_up = self.joined and _is_zero(lags)
        if caught_up:
            counting.last_progress = self._measured_at
            self._stream_metrics.progressed()
        self._metrics.caught_up.set(caught_up)
        self._measure_windows(counting)

    def _measure_windows(self, counting: Counting) -> None:
        minute, _ = window_at(time.time(), MINUTE_S)
        windows: tuple[tuple[Window, int], ...] = (("minute", MINUTE_S), ("hour", HOUR_S))
        kinds: tuple[Kind, ...] = ("genre", "mood", "unsure", "failure")
        for window, reach_s in windows:
            found = merged(counting.sums(MINUTE_S, since_s=minute - reach_s, until_s=minute))
            for kind in kinds:
                self._metrics.window(window, kind, found.of(kind))

    def current(self) -> View:
        """What the web view shows now."""
        lags = self._counting.lags() if self._counting else {}
        known = [lag for lag in lags.values() if lag is not None]
        standing = Standing(
            live=self.joined and _is_zero(lags),
            behind=sum(known) if self.joined and len(known) == len(lags) else None,
            partitions=len(lags),
            partitions_in_all=sum(shape.n_partitions for shape in self._shapes.values()),
        )
        return view(self, standing, now_s=time.time(), n_hours=min(24, self._settings.hours_kept))

    def sums(self, window_s: int, *, since_s: float, until_s: float) -> list[Sums]:
        """The counts in [since, until), in parts that add up; none before there are any."""
        return self._counting.sums(window_s, since_s=since_s, until_s=until_s) if self._counting else []


def _is_zero(lags: Mapping[tuple[str, int], int | None]) -> bool:
    """Whether every partition of ours is committed up to its end."""
    return all(lag == 0 for lag in lags.values())


async def _stop(app: CuredApp, starting: asyncio.Task[None], *, otherwise: int) -> None:
    """Let Faust commit and leave its group, or end the process with this exit code when it takes too long."""
    starting.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await starting
    try:
        async with asyncio.timeout(_STOP_WITHIN_S):
            await app.stop()
    except TimeoutError:
        log.warning("Faust does not stop; leaving without it: what is not committed is counted by the next process")
        logging.shutdown()
        os._exit(otherwise)


def _quieten() -> None:
    """What Faust and aiokafka log, without what is our DEBUG, and once a minute what they say at each retry."""
    logging.getLogger("aiokafka.conn").setLevel(logging.INFO)  # its DEBUG shows requests, the password of PLAIN in them
    if not log.isEnabledFor(logging.DEBUG):
        for name in ("faust", "mode", "aiokafka"):
            logging.getLogger(name).setLevel(logging.WARNING)
        # It warns of every changelog that it may not declare.
        logging.getLogger("faust.transport").setLevel(logging.ERROR)
    retries = logging.getLogger("aiokafka")
    retries.handlers[:] = [LogBridge()]
    retries.propagate = False


def run(kafka: KafkaSettings, trends: TrendsSettings, http: HttpSettings, stop: threading.Event) -> None:
    """Count labels and failures until ``stop``. Raises: InvalidSettingError, StreamStoppedError."""
    _quieten()
    registry = process_registry()
    worker = Trends(kafka, trends, registry)
    checks = StreamChecks(worker, stuck_after_s=http.stuck_after_s)
    with serving_health(http, registry, live=checks.live, ready=checks.ready):
        asyncio.run(worker.run(stop))
