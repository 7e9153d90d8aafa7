"""Wires the projector: the stream loop without outputs, and Redis writes in pipelined batches."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from schemas.errors import CacheUnavailableError, InvalidEventError, InvalidSettingError
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.health.checks import StreamChecks
from shared.health.server import serving_health
from shared.kafka.faults import AbandonedError
from shared.kafka.names import PROJECTOR
from shared.kafka.records import Outgoing, Record
from shared.kafka.spec import StreamSpec
from shared.kafka.stream import Stream
from shared.metrics.exposition import process_registry
from shared.metrics.projector import ProjectorMetrics
from shared.metrics.stream import StreamMetrics
from shared.redis.views import TrackViews, View
from shared.settings.kafka import KafkaSettings
from shared.settings.redis import RedisSettings
from shared.settings.workers import HttpSettings
from shared.tracing import tracing
from workers.projector.handler import view_of

log = logging.getLogger("needledrop.projector")

STAGE = "projector"
# Views that wait for one round trip to Redis: enough to hide its latency, few enough to lose little work to a restart.
MAX_IN_FLIGHT = 512
_TRY_AGAIN_S = 0.5


class Projector:
    """Writes the views of a batch of records; waits for Redis as long as it is away."""

    def __init__(
        self, views: TrackViews, metrics: ProjectorMetrics, stream_metrics: StreamMetrics, stop: threading.Event
    ) -> None:
        self._views = views
        self._metrics = metrics
        self._stream_metrics = stream_metrics
        self._stop = stop
        self.waits = False
        """Whether Redis is away, and has been since the work on a batch began."""

    def __call__(self, records: Sequence[Record]) -> Sequence[Outgoing]:
        """Write them all, whenever Redis is there. Raises AbandonedError when asked to stop before it is."""
        began = time.monotonic()
        views = [view for record in records if (view := self._view(record))]
        while True:
            try:
                n_written = self._views.write(views)
            except CacheUnavailableError as error:
                self.waits = True
                self._metrics.redis_up.set(0)
                log.warning("%s; trying again", error)
                if self._stop.wait(_TRY_AGAIN_S):
                    raise AbandonedError(f"stopped while views were waiting: {error}") from None
            else:
                self.waits = False
                self._metrics.redis_up.set(1)
                self._metrics.wrote(n_written, stale=len(views) - n_written)
                self._metrics.last_write.set(time.time())
                for _ in records:  # each has waited for its batch
                    self._stream_metrics.handle_seconds.observe(time.monotonic() - began)
                return ()

    def _view(self, record: Record) -> View | None:
        try:
            return view_of(record)
        except InvalidEventError as error:
            self._metrics.invalid.inc()
            log.warning("a record is no event of ours: %s", error, extra={"coordinates": str(record.coordinates)})
            return None


def parts_of(batch: Future[Sequence[Outgoing]], n: int) -> list[Future[Sequence[Outgoing]]]:
    """A future for each of the ``n`` records of a batch that ends as the batch does.

    The stream cancels the records of a partition that it loses; the rest of the batch must be written all the same.
    """
    parts: list[Future[Sequence[Outgoing]]] = [Future() for _ in range(n)]

    def end(batch: Future[Sequence[Outgoing]]) -> None:
        for part in parts:
            if not part.set_running_or_notify_cancel():
                continue
            if error := batch.exception():
                part.set_exception(error)
            else:
                part.set_result(batch.result())

    batch.add_done_callback(end)
    return parts


def run(kafka: KafkaSettings, redis: RedisSettings, http: HttpSettings, stop: threading.Event) -> None:
    """Follow labels and failures until ``stop``. Raises: InvalidSettingError, StreamStoppedError."""
    registry = process_registry()
    views = TrackViews(redis)
    stream_metrics = StreamMetrics(registry, STAGE)
    projector = Projector(views, ProjectorMetrics(registry), stream_metrics, stop)
    project = tracing.handling_batches("project", projector)
    # One thread: batches must reach Redis in order only per track, but one round trip at a time is fast enough.
    with ThreadPoolExecutor(1, thread_name_prefix="project") as thread:

        def start(records: Sequence[Record]) -> Sequence[Future[Sequence[Outgoing]]]:
            return parts_of(thread.submit(project, records), len(records))

        spec = StreamSpec(STAGE, PROJECTOR, (TRACKS_LABELED.name, TRACKS_FAILED.name), MAX_IN_FLIGHT, writes=False)
        stream = Stream(kafka, spec, start, stream_metrics)
        checks = StreamChecks(
            stream, stuck_after_s=http.stuck_after_s, ready=_is_safe(views), waits=lambda: projector.waits
        )
        with serving_health(http, registry, live=checks.live, ready=checks.ready):
            stream.run(stop)


def _is_safe(views: TrackViews) -> Callable[[], str | None]:
    def check() -> str | None:
        try:
            views.require_safety()
        except (CacheUnavailableError, InvalidSettingError) as error:
            return str(error)
        return None

    return check
