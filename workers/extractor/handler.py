"""One submission becomes one features event, one failure, or one tombstone. No Kafka."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from schemas.errors import CacheUnavailableError, InvalidEventError, TrackError, TransientError
from schemas.events import Submission, Timings, TrackFeatures, TrackResult, TrackSubmitted
from schemas.origin import Origin
from schemas.tensors import encode_features
from schemas.topics import TRACKS_FEATURES
from shared.kafka.faults import AbandonedError
from shared.kafka.records import Outgoing, Record
from shared.metrics.extractor import ExtractorMetrics
from shared.metrics.stream import StreamMetrics
from shared.outcomes import failed, origin_of, outgoing, outgoing_failure, refusal
from shared.redis.results import ResultCache, ResultKey
from shared.tracing import tracing
from workers.extractor.conditions import Conditions
from workers.extractor.decoder_processes import DecoderProcessesError
from workers.extractor.extraction import Extraction
from workers.extractor.retries import Tried, with_retries
from workers.extractor.sources.audio_source import AudioSource
from workers.extractor.sources.fetched import Fetched
from workers.extractor.submissions import submitted

log = logging.getLogger("needledrop.extractor")

STAGE = "extractor"


class Extractor:
    """Extracts tracks. Any number of threads may call it; what it raises ends the worker."""

    def __init__(
        self,
        source: AudioSource,
        extraction: Extraction,
        results: ResultCache,
        conditions: Conditions,
        metrics: ExtractorMetrics,
        stream_metrics: StreamMetrics,
        *,
        ensemble_digest: str,
        result_version: str,
        retry_budget_s: float,
        now: Callable[[], datetime],
        stop: threading.Event,
    ) -> None:
        """``result_version`` is of the features in results; ``stop`` ends the waiting between attempts."""
        self._source = source
        self._extraction = extraction
        self._results = results
        self._conditions = conditions
        self._metrics = metrics
        self._stream_metrics = stream_metrics
        self._ensemble_digest = ensemble_digest
        self._result_version = result_version
        self._retry_budget_s = retry_budget_s
        self._now = now
        self._stop = stop

    def __call__(self, record: Record) -> Sequence[Outgoing]:
        """What becomes of one record of the submissions topic."""
        with self._stream_metrics.handle_seconds.time():
            if record.value is None:
                return [outgoing(TRACKS_FEATURES, record, None, origin=origin_of(record), stage=STAGE, at=self._now())]
            try:
                event = submitted(record)
            except InvalidEventError as error:
                return [self._failed(record, origin_of(record), None, error, attempts=1)]
            submission = Submission.of(event, record.coordinates)
            return [self._outcome(record, _origin(event, record), event, submission)]

    def refused(self, record: Record, outputs: Sequence[Outgoing]) -> Sequence[Outgoing]:
        """The failure in place of ``outputs`` that the brokers will never take."""
        try:
            event = submitted(record)
        except InvalidEventError:  # then it was a failure that is refused, and this one is no larger
            return [self._failed(record, origin_of(record), None, refusal(outputs), attempts=1)]
        submission = Submission.of(event, record.coordinates)
        return [self._failed(record, _origin(event, record), submission, refusal(outputs), attempts=1)]

    def _outcome(self, record: Record, origin: Origin, event: TrackSubmitted, submission: Submission) -> Outgoing:
        attempts = 1
        try:
            if event.conditional:
                self._conditions.require_newest(record, event)
            began = time.monotonic()
            tried = self._fetched(event.uri)
            attempts = tried.attempts
            with tried.value() as fetched:
                fetch_s = time.monotonic() - began
                self._metrics.fetch_seconds.observe(fetch_s)
                self._metrics.fetched_bytes.inc(fetched.n_bytes)
                value = self._features(event, submission, fetched, fetch_s)
        except (AbandonedError, DecoderProcessesError):
            raise  # nothing is wrong with the track
        except TrackError as error:
            return self._failed(record, origin, submission, error, attempts=attempts)
        except Exception as error:
            log.exception("a bug", extra={"coordinates": str(origin.coordinates)})
            return self._failed(record, origin, submission, error, attempts=attempts)
        return outgoing(TRACKS_FEATURES, record, value, origin=origin, stage=STAGE, at=self._now())

    def _fetched(self, uri: str) -> Tried[Fetched]:
        """Fetch with retries. Raises: AbandonedError when asked to stop before they are over."""
        with tracing.step("fetch"):
            tried = with_retries(lambda: self._source.fetch(uri), budget_s=self._retry_budget_s, sleep=self._stop.wait)
        self._metrics.retried(uri, tried.attempts - 1)
        if isinstance(tried.ending, TransientError) and self._stop.is_set():
            raise AbandonedError("stopped between two attempts")
        return tried

    def _features(self, event: TrackSubmitted, submission: Submission, fetched: Fetched, fetch_s: float) -> bytes:
        policy = self._extraction.policy
        earlier = self._earlier_result(fetched.content_hash)
        if earlier is not None:
            known = TrackFeatures(
                track_id=event.track_id,
                submission=submission,
                policy=policy,
                audio=earlier.audio,
                earlier_result=earlier,
                timings=Timings(fetch_s=fetch_s),
            )
            return encode_features(known, {})
        began = time.monotonic()
        extracted = self._extraction(fetched)
        analyse_s = time.monotonic() - began
        self._metrics.analyse_seconds.observe(analyse_s)
        features = TrackFeatures(
            track_id=event.track_id,
            submission=submission,
            policy=policy,
            timings=Timings(fetch_s=fetch_s, analyse_s=analyse_s),
        ).model_copy(update=extracted.event_fields())
        return encode_features(features, extracted.tensors)

    def _earlier_result(self, content_hash: str) -> TrackResult | None:
        key = ResultKey(content_hash, self._ensemble_digest, self._result_version, self._extraction.policy)
        try:
            found = self._results.get(key)
        except CacheUnavailableError:
            self._metrics.looked_up("unavailable")
            return None
        self._metrics.looked_up("miss" if found is None else "hit")
        return found

    def _failed(
        self, record: Record, origin: Origin, submission: Submission | None, error: Exception, *, attempts: int
    ) -> Outgoing:
        failure = failed(
            record,
            error,
            stage=STAGE,
            at=self._now(),
            coordinates=origin.coordinates,
            submission=submission,
            attempts=attempts,
        )
        return outgoing_failure(record, failure, origin=origin)


def _origin(event: TrackSubmitted, record: Record) -> Origin:
    return Origin(event.submission_id, record.position, record.coordinates)
