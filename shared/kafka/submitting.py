"""Publishes submissions and deletions, with a bounded number outstanding."""

from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaError, KafkaException, Message

from schemas.errors import InvalidSettingError, UnreachableError
from schemas.events import TrackSubmitted
from schemas.headers import cloud_event
from schemas.topics import TRACKS_SUBMITTED
from shared.kafka.backlog import BacklogLimit
from shared.kafka.clients import plain_producer, require_answer
from shared.kafka.names import EXTRACTOR
from shared.kafka.records import Outgoing
from shared.settings.kafka import KafkaSettings
from shared.tracing import tracing

# Tracks that the extractor has not finished: a live track waits behind at most so many of a bulk submit.
MAX_OUTSTANDING: Final = 2000
_FLUSH_S: Final = 30.0
_WAIT_S: Final = 0.1


class Submitter:
    """Writes to tracks.submitted; use as a context manager, which waits until all is written."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        max_outstanding: int = MAX_OUTSTANDING,
        on_wait: Callable[[], None] = lambda: None,
    ) -> None:
        """``on_wait`` is called while ``max_outstanding`` tracks, all partitions together, wait for the extractor.

        Raises: InvalidSettingError when the brokers do not answer, or OTEL_* are not as they should be.
        """
        tracing.start("submit")
        self._producer = plain_producer(settings)
        require_answer(self._producer)
        self._limit = BacklogLimit(
            settings, topic=TRACKS_SUBMITTED.name, group=EXTRACTOR, limit=max_outstanding, together=True
        )
        self._on_wait = on_wait
        # Sent, but perhaps not yet in the brokers' watermarks, which the limit looks at.
        self._in_flight: Counter[int] = Counter()
        self._failed: KafkaError | None = None

    def submit(self, event: TrackSubmitted) -> None:
        """Publish one submission; waits while too many are outstanding.

        Raises: InvalidSettingError when the brokers do not take it.
        """
        headers = cloud_event(
            TrackSubmitted.ce_type, source="needledrop/submit", ce_id=event.submission_id, at=event.submitted_at
        )
        self._send(Outgoing(TRACKS_SUBMITTED.name, event.track_id.encode(), event.to_json(), headers))

    def delete(self, track_id: str) -> None:
        """Publish a deletion. Raises: InvalidSettingError when the brokers do not take it."""
        self._send(Outgoing(TRACKS_SUBMITTED.name, track_id.encode(), None))

    def _send(self, record: Outgoing) -> None:
        charge = self._limit.charge([record])
        while not self._limit.has_room(charge + self._in_flight):
            self._on_wait()
            self._producer.poll(_WAIT_S)
        sent = tracing.submitting(record.headers)
        headers: list[tuple[str, str | bytes | None]] = list(sent.headers if sent else record.headers)

        def done(error: KafkaError | None, _message: Message) -> None:
            self._failed = self._failed or error
            self._in_flight.subtract(charge)
            if error is None:
                self._limit.committed(charge)
            if sent:
                sent.end(error.str() if error else None)

        while True:
            try:
                self._producer.produce(record.topic, key=record.key, value=record.value, headers=headers, callback=done)
                break
            except BufferError:
                self._producer.poll(_WAIT_S)
            except KafkaException as exception:
                raise InvalidSettingError(f"the submission cannot be sent: {exception.args[0].str()}") from None
        self._in_flight.update(charge)
        self._producer.poll(0)
        self._raise_failed()

    def _raise_failed(self) -> None:
        if self._failed is not None:
            raise InvalidSettingError(
                f"the brokers at NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS did not take a submission: {self._failed.str()}"
            )

    def flush(self) -> None:
        """Wait until all that was submitted is durable.

        Raises: UnreachableError, InvalidSettingError when the brokers did not take it.
        """
        if self._producer.flush(_FLUSH_S):
            raise UnreachableError(
                f"the brokers did not take all submissions within {_FLUSH_S:.0f} s: are they up, and is "
                "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS right?"
            )
        self._raise_failed()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self.flush()
            self._raise_failed()
        finally:
            self._limit.close()
