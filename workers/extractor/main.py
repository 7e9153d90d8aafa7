"""Wires the extractor: the one module that knows both Kafka and the handler."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

from schemas.topics import TRACKS_FEATURES, TRACKS_SUBMITTED
from shared.cores import n_cores
from shared.features import NO_FEATURES
from shared.features.calibration import load_calibration, result_version
from shared.health.checks import StreamChecks
from shared.health.server import serving_health
from shared.kafka.backlog import BacklogLimit
from shared.kafka.names import CLASSIFIER, EXTRACTOR
from shared.kafka.progress import Outputs
from shared.kafka.ranges import RangeReader
from shared.kafka.records import Record
from shared.kafka.spec import StreamSpec
from shared.kafka.stream import Stream
from shared.metrics.build import EnsembleMetrics
from shared.metrics.exposition import process_registry
from shared.metrics.extractor import ExtractorMetrics
from shared.metrics.stream import StreamMetrics
from shared.models.manifest import Ensemble
from shared.redis.drain import DrainSwitch
from shared.redis.newest import NewestSubmissions
from shared.redis.results import RedisResultCache
from shared.settings.kafka import KafkaSettings
from shared.settings.media import MediaSettings
from shared.settings.redis import RedisSettings
from shared.settings.workers import ExtractorSettings, FeatureSettings, HttpSettings
from shared.tracing import tracing
from workers.extractor.conditions import Conditions
from workers.extractor.draining import Draining
from workers.extractor.extraction import Extraction
from workers.extractor.handler import STAGE, Extractor
from workers.extractor.sources.audio_source import AudioSource


def run(
    kafka: KafkaSettings,
    redis: RedisSettings,
    http: HttpSettings,
    media: MediaSettings,
    features: FeatureSettings,
    settings: ExtractorSettings,
    ensemble: Ensemble,
    stop: threading.Event,
) -> None:
    """Extract until ``stop``. Raises: InvalidSettingError, StreamStoppedError."""
    registry = process_registry()
    metrics, stream_metrics = ExtractorMetrics(registry), StreamMetrics(registry, STAGE, ends_submissions=True)
    calibration = load_calibration(features.calibration, ensemble.digest)
    version = result_version(calibration) if features.enabled else NO_FEATURES
    EnsembleMetrics(registry, version=ensemble.version, digest=ensemble.digest, features=version)
    n_processes = settings.n_processes or n_cores()
    # Before any Kafka client: librdkafka's threads and a fork do not go together.
    extraction = Extraction(
        ensemble, media, n_processes=n_processes, features=features.enabled, on_restart=metrics.restarted
    )
    metrics.decoders.set(n_processes)
    source = AudioSource(media)
    history = RangeReader(kafka, stop.is_set)
    conditions = Conditions(
        NewestSubmissions(redis, TRACKS_SUBMITTED.name),
        lambda partition, start, end: history.between(TRACKS_SUBMITTED.name, partition, start, end),
        stop,
    )
    draining = Draining(DrainSwitch(redis), tell=metrics.draining.set, stop=stop)
    extract = Extractor(
        source,
        extraction,
        RedisResultCache(redis),
        conditions,
        metrics,
        stream_metrics,
        ensemble_digest=ensemble.digest,
        result_version=version,
        retry_budget_s=settings.retry_budget_s,
        now=lambda: datetime.now(UTC),
        stop=stop,
    )
    handle = tracing.handling("extract", extract)
    n_threads = n_processes + settings.n_fetches
    threads = ThreadPoolExecutor(n_threads, thread_name_prefix="extract")

    def start(records: Sequence[Record]) -> Sequence[Future[Outputs]]:
        conditions.taken(records)
        return [threads.submit(handle, record) for record in records]

    try:
        stream = Stream(
            kafka,
            StreamSpec(STAGE, EXTRACTOR, (TRACKS_SUBMITTED.name,), n_threads),
            start,
            stream_metrics,
            BacklogLimit(kafka, topic=TRACKS_FEATURES.name, group=CLASSIFIER, limit=kafka.backlog_limit),
            extract.refused,
            held=lambda: draining.is_on,
        )
        draining.watch(lambda: stream.at_rest)
        checks = StreamChecks(
            stream,
            stuck_after_s=http.stuck_after_s,
            ready=lambda: None if extraction.ready() else "decoding processes are starting",
            waits=lambda: stream.held_back or conditions.waits,
        )
        with serving_health(http, registry, live=checks.live, ready=checks.ready):
            stream.run(stop)
    finally:
        stop.set()  # ends what waits, also when it was not a signal that ended us
        # Work that goes on is of no use any more: without processes and connections it ends at once.
        threads.shutdown(wait=False, cancel_futures=True)
        conditions.close()
        extraction.close()
        source.close()
