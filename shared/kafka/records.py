"""Records as handlers see them: no client objects."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from confluent_kafka import Message

from schemas.origin import Coordinates, Position
from shared.metrics.labels import Outcome, SubmissionKind


@dataclass(frozen=True, slots=True)
class Record:
    """One record that was read."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()

    @property
    def coordinates(self) -> Coordinates:
        """Its place in Kafka."""
        return Coordinates(topic=self.topic, partition=self.partition, offset=self.offset)

    @property
    def position(self) -> Position:
        """Its order among all records of its key, if its topic is the first of the flow."""
        return Position(max(self.timestamp_ms, 0), self.offset)

    @property
    def key_text(self) -> str:
        """The key as text; bytes that are not UTF-8 are replaced, no key is empty."""
        return (self.key or b"").decode(errors="replace")

    @property
    def value_sha256(self) -> str:
        """SHA-256 of the value, of nothing for a tombstone."""
        return sha256(self.value or b"").hexdigest()


@dataclass(frozen=True, slots=True)
class SubmissionEnd:
    """How a submission ends, to be counted once that is committed."""

    outcome: Outcome
    reason: str = ""
    submission: SubmissionKind = "new"
    submitted_at: datetime | None = None
    """None for records that say nothing about it: deletions, and what is no event."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to write. ``value`` None is a tombstone."""

    topic: str
    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = field(default_factory=tuple)
    end: SubmissionEnd | None = None
    """None when the submission goes on to the next stage."""


def record_of(message: Message) -> Record:
    """The record in a message of the client that is not an error."""
    _, timestamp_ms = message.timestamp()
    try:
        headers = message.headers() or []
    except SystemError:  # what the client raises for a header whose name is not UTF-8; a stranger's header, then
        headers = []
    pairs = headers.items() if isinstance(headers, dict) else headers
    return Record(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        timestamp_ms=timestamp_ms,
        key=message.key(),
        value=message.value(),
        # A header without a value is legal in Kafka; ours and CloudEvents' always have one.
        headers=tuple((name, value) for name, value in pairs if isinstance(value, bytes)),
    )
