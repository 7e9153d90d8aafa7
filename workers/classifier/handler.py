"""One features event becomes one label, one failure, or one tombstone. No Kafka."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from schemas.errors import CacheUnavailableError, TrackError
from schemas.events import TrackFeatures, TrackLabeled, TrackResult
from schemas.origin import Origin
from schemas.tensors import Tensor, decode_features
from schemas.topics import TRACKS_LABELED
from shared.extracted import extracted_from
from shared.front_end.spec import FrontEnd
from shared.kafka.records import Outgoing, Record
from shared.metrics.classifier import ClassifierMetrics
from shared.metrics.stream import StreamMetrics
from shared.outcomes import end_of, failed, origin_of, outgoing, outgoing_failure, refusal
from shared.redis.results import ResultCache, ResultKey
from workers.classifier.labeler import Labeler

log = logging.getLogger("needledrop.classifier")

STAGE = "classifier"


class Classifier:
    """Labels tracks. Any number of threads may call it; it never raises."""

    def __init__(
        self,
        labeler: Labeler,
        front_ends: Mapping[str, FrontEnd],
        results: ResultCache,
        metrics: ClassifierMetrics,
        stream_metrics: StreamMetrics,
        now: Callable[[], datetime],
    ) -> None:
        self._labeler = labeler
        self._front_ends = front_ends
        self._results = results
        self._metrics = metrics
        self._stream_metrics = stream_metrics
        self._now = now

    def __call__(self, record: Record) -> Sequence[Outgoing]:
        """What becomes of one record of the features topic."""
        with self._stream_metrics.handle_seconds.time():
            origin = origin_of(record)
            if record.value is None:
                deleted = end_of(None, "deleted")
                at = self._now()
                return [outgoing(TRACKS_LABELED, record, None, origin=origin, stage=STAGE, at=at, end=deleted)]
            event: TrackFeatures | None = None
            try:
                event, tensors = decode_features(record.value)
                return [self._labeled(record, origin, event, self._result(event, tensors))]
            except TrackError as error:
                return [self._failed(record, origin, event, error)]
            except Exception as error:
                log.exception("a bug", extra={"coordinates": str(origin.coordinates)})
                return [self._failed(record, origin, event, error)]

    def refused(self, record: Record, outputs: Sequence[Outgoing]) -> Sequence[Outgoing]:
        """The failure in place of ``outputs`` that the brokers will never take."""
        try:
            event = decode_features(record.value)[0] if record.value else None
        except TrackError:
            event = None
        return [self._failed(record, origin_of(record), event, refusal(outputs))]

    def _result(self, event: TrackFeatures, tensors: Mapping[str, Tensor]) -> tuple[TrackResult, float | None]:
        """The result, and the seconds that inference took; None for an earlier result."""
        if event.earlier_result is not None:
            return event.earlier_result, None
        labeled = self._labeler(extracted_from(event, tensors, self._front_ends))
        self._metrics.inference_seconds.observe(labeled.inference_s)
        self._metrics.patches.inc(labeled.result.analysed.n_patches)
        self._store(labeled.result, event.policy)
        return labeled.result, labeled.inference_s

    def _store(self, result: TrackResult, policy: str) -> None:
        versions = result.versions
        key = ResultKey(result.audio.content_hash, versions.ensemble_digest, versions.features, policy)
        try:
            self._results.put(key, result)
        except CacheUnavailableError:
            self._metrics.stored("unavailable")
        else:
            self._metrics.stored("stored")

    def _labeled(
        self, record: Record, origin: Origin, event: TrackFeatures, found: tuple[TrackResult, float | None]
    ) -> Outgoing:
        result, inference_s = found
        at = self._now()
        label = TrackLabeled(
            **dict(result),
            track_id=event.track_id,
            submission=event.submission,
            labeled_at=at,
            from_cache=inference_s is None,
            timings=event.timings.model_copy(update={"inference_s": inference_s}),
        )
        self._metrics.labeled(
            genre=result.genres[0].genre if result.genres else None,
            unsure=bool(result.unsure),
            from_cache=label.from_cache,
        )
        end = end_of(event.submission, "labeled")
        return outgoing(TRACKS_LABELED, record, label.to_json(), origin=origin, stage=STAGE, at=at, end=end)

    def _failed(self, record: Record, origin: Origin, event: TrackFeatures | None, error: Exception) -> Outgoing:
        failure = failed(
            record,
            error,
            stage=STAGE,
            at=self._now(),
            coordinates=origin.coordinates,
            submission=event.submission if event else None,
        )
        return outgoing_failure(record, failure, origin=origin)
