"""Extractor, classifier and projector as threads of this process, to see every call that they make."""

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.apart import apart
from benchmarks.census import processor_s
from benchmarks.pipeline import Pipeline
from schemas.topics import TOPICS, TRACKS_FAILED, TRACKS_LABELED
from shared.embedded.redis_server import RedisServer
from shared.kafka.following import following
from shared.kafka.mock_cluster import MockCluster
from shared.settings.kafka import KafkaSettings
from shared.settings.media import MediaSettings
from shared.settings.redis import RedisSettings
from shared.settings.workers import ClassifierSettings, ExtractorSettings, FeatureSettings, HttpSettings
from workers.cli.ensembles import chosen_ensemble
from workers.cli.stack import Stack

# The mock cluster keeps 5 MB a partition.
_BACKLOG_LIMIT: Final = 9
_N_PARTITIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Whole:
    """The pipeline, and what it has used."""

    pipeline: Pipeline

    def processor_ms_a_track(self, tracks: Sequence[Path]) -> dict[str, float]:
        """Processor milliseconds for a track: of the decoding processes, and of all else that workers do.

        The latter is the classifier's, but for some milliseconds. Broker and Redis are not counted.
        """
        before = self._used_s()
        self.pipeline.label_all(tracks)
        return {name: 1e3 * (used - before[name]) / len(tracks) for name, used in self._used_s().items()}

    @staticmethod
    def _used_s() -> dict[str, float]:
        return {"decoding": processor_s().get("decoder", 0.0), "workers": time.process_time()}


@contextmanager
def whole_in_one(music: Path) -> Iterator[Whole]:
    """Run all three while the block runs; ``music`` is the media root."""
    from shared.models.sessions import RunningEnsemble
    from workers.classifier.main import run as classify
    from workers.extractor.main import run as extract
    from workers.projector.main import run as project

    stop = threading.Event()
    ensemble, folder = chosen_ensemble()
    with tempfile.TemporaryDirectory() as state, apart(_mock_cluster) as bootstrap, RedisServer(Path(state)) as server:
        kafka = KafkaSettings(bootstrap_servers=bootstrap, embedded=True, backlog_limit=_BACKLOG_LIMIT)
        redis, http, features = RedisSettings(url=server.url), HttpSettings(port=0), FeatureSettings()
        running = RunningEnsemble(ensemble, folder)
        works = (
            lambda: extract(
                kafka, redis, http, MediaSettings(roots=(music,)), features, ExtractorSettings(), ensemble, stop
            ),
            lambda: classify(kafka, redis, http, features, ClassifierSettings(), running, stop),
            lambda: project(kafka, redis, http, stop),
        )
        threads = [threading.Thread(target=work, daemon=True) for work in works]
        for thread in threads:
            thread.start()
        with following(kafka, [TRACKS_LABELED.name, TRACKS_FAILED.name], from_start=True) as follower:
            yield Whole(
                Pipeline(
                    Stack(0, bootstrap, server.url, {}, embedded=True, trends_port=0, catalog_port=0), kafka, follower
                )
            )
        stop.set()
        for thread in threads:
            thread.join()


@contextmanager
def _mock_cluster() -> Iterator[str]:
    with MockCluster(dict.fromkeys((topic.name for topic in TOPICS), _N_PARTITIONS)) as cluster:
        yield cluster.bootstrap_servers
