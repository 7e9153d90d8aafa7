"""What an ingest system submits during a chaos run: mostly music, and what else comes along."""

import random
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import KafkaError, Message

from schemas.events import TrackSubmitted
from schemas.headers import cloud_event
from schemas.origin import Coordinates
from schemas.topics import TRACKS_SUBMITTED
from shared.kafka.clients import plain_producer
from shared.settings.kafka import KafkaSettings

# Shares of 100 submissions.
MIX = {"known": 62, "fresh": 20, "again": 6, "bad": 6, "conditional": 2, "refused": 2, "not an event": 1, "deletion": 1}
# The broker may be away twice as long, and more.
_DELIVERED_WITHIN_S = 120.0


@dataclass
class Submissions:
    """Publishes submissions and knows what each must be called in its outcome."""

    settings: KafkaSettings
    known: Sequence[Path]
    """A few contents, which most tracks share: the result cache has them after the first time."""
    fresh: Iterator[Path]
    """Contents that come once."""
    bad: Mapping[str, Path]
    chance: random.Random
    mix: Mapping[str, int] = field(default_factory=lambda: MIX)
    """Kinds and their weights."""
    expected: list[str] = field(default_factory=list)
    """The submission ids that outcomes must carry."""
    kinds: Counter[str] = field(default_factory=Counter)
    _submitted: list[TrackSubmitted] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._producer = plain_producer(self.settings)

    def publish(self, n: int) -> None:
        """Publish ``n`` more, in no hurry: whether they have arrived is asked by ``wait_until_delivered``."""
        for kind in self.chance.choices(list(self.mix), weights=list(self.mix.values()), k=n):
            self.kinds[kind] += 1
            self._publish(kind)
            self._producer.poll(0)

    def wait_until_delivered(self) -> None:
        """Return when Kafka has all of them."""
        n_left = self._producer.flush(_DELIVERED_WITHIN_S)
        assert n_left == 0, f"{n_left} submissions were not delivered"

    def _publish(self, kind: str) -> None:
        if kind == "deletion" and self._submitted:
            self._send(self.chance.choice(self._submitted).track_id, None)
        elif kind == "not an event":
            self._send(f"track-{uuid.uuid4()}", b'{"track_id": ')
        else:
            event = self._event(kind)
            self._submitted.append(event)
            self._send(event.track_id, event)

    def _event(self, kind: str) -> TrackSubmitted:
        earlier = self.chance.choice(self._submitted) if self._submitted else None
        return TrackSubmitted(
            track_id=earlier.track_id if earlier and kind in ("again", "conditional") else f"track-{uuid.uuid4()}",
            uri=self._uri(kind),
            submission_id=str(uuid.uuid4()),
            submitted_at=datetime.now(UTC),
            replay_of=earlier.submission_id if earlier and kind == "conditional" else None,
        )

    def _uri(self, kind: str) -> str:
        if kind == "refused":
            return "http://169.254.169.254/latest/meta-data"
        if kind == "bad":
            return self.chance.choice(list(self.bad.values())).as_uri()
        fresh = next(self.fresh, None) if kind == "fresh" else None
        return (fresh or self.chance.choice(self.known)).as_uri()

    def _send(self, track_id: str, what: TrackSubmitted | bytes | None) -> None:
        event = what if isinstance(what, TrackSubmitted) else None
        headers = (
            cloud_event(event.ce_type, source="chaos", ce_id=event.submission_id, at=event.submitted_at)
            if event
            else []
        )

        def delivered(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            # What is no event has no id of its own: its place stands for it.
            place = Coordinates(topic=TRACKS_SUBMITTED.name, partition=message.partition(), offset=message.offset())
            self.expected.append(event.submission_id if event else str(place))

        self._producer.produce(
            TRACKS_SUBMITTED.name,
            key=track_id,
            value=what.to_json() if isinstance(what, TrackSubmitted) else what,
            headers=list(headers),
            callback=delivered,
        )
