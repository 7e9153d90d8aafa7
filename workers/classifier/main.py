"""Wires the classifier: the one module that knows both Kafka and the handler."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from schemas.topics import TRACKS_FEATURES
from shared.cores import n_cores
from shared.features.calibration import load_calibration, result_version
from shared.health.checks import StreamChecks
from shared.health.server import serving_health
from shared.kafka.names import CLASSIFIER
from shared.kafka.spec import StreamSpec
from shared.kafka.stream import Stream
from shared.metrics.build import EnsembleMetrics
from shared.metrics.classifier import ClassifierMetrics
from shared.metrics.exposition import process_registry
from shared.metrics.stream import StreamMetrics
from shared.models.sessions import RunningEnsemble
from shared.redis.results import RedisResultCache
from shared.settings.kafka import KafkaSettings
from shared.settings.redis import RedisSettings
from shared.settings.workers import ClassifierSettings, FeatureSettings, HttpSettings
from shared.tracing import tracing
from workers.classifier.handler import STAGE, Classifier
from workers.classifier.labeler import Labeler

# Tracks taken ahead of the threads, so that none waits for the broker and a transaction writes several labels; each
# holds some 360 kB, and all are labeled in the 5 s that a worker has when it is told to stop.
_WAITING_PER_THREAD = 7


def run(
    kafka: KafkaSettings,
    redis: RedisSettings,
    http: HttpSettings,
    features: FeatureSettings,
    settings: ClassifierSettings,
    running: RunningEnsemble,
    stop: threading.Event,
) -> None:
    """Label until ``stop``. Raises: InvalidSettingError, StreamStoppedError."""
    registry = process_registry()
    ensemble = running.ensemble
    calibration = load_calibration(features.calibration, ensemble.digest)
    labeler = Labeler(running, calibration=calibration)
    EnsembleMetrics(registry, version=ensemble.version, digest=ensemble.digest, features=result_version(calibration))
    metrics = ClassifierMetrics(registry, genres=labeler.genres, graphs=running.graphs)
    running.on_run = metrics.ran
    stream_metrics = StreamMetrics(registry, STAGE, ends_submissions=True)
    classify = Classifier(
        labeler,
        {front_end.name: front_end for front_end in ensemble.front_ends},
        RedisResultCache(redis),
        metrics,
        stream_metrics,
        now=lambda: datetime.now(UTC),
    )
    handle = tracing.handling("classify", classify)
    n_threads = settings.n_threads or n_cores()
    with ThreadPoolExecutor(n_threads, thread_name_prefix="classify") as threads:
        spec = StreamSpec(STAGE, CLASSIFIER, (TRACKS_FEATURES.name,), n_threads * (1 + _WAITING_PER_THREAD))
        stream = Stream(
            kafka,
            spec,
            lambda records: [threads.submit(handle, record) for record in records],
            stream_metrics,
            instead=classify.refused,
        )
        checks = StreamChecks(stream, stuck_after_s=http.stuck_after_s)
        with serving_health(http, registry, live=checks.live, ready=checks.ready):
            stream.run(stop)
