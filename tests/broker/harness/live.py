"""A source that submits one track after another at its own pace, whatever else is going on."""

import random
import threading
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from schemas.events import TrackSubmitted
from schemas.topics import TRACKS_SUBMITTED
from shared.kafka.clients import plain_producer
from shared.settings.kafka import KafkaSettings

_DELIVERED_WITHIN_S = 60.0
_AGAIN = 0.4


class LiveSource:
    """Submits until the block ends: new tracks, and now and then one of ``known_ids`` again."""

    def __init__(
        self, settings: KafkaSettings, files: Sequence[Path], *, every_s: float, known_ids: Sequence[str] = ()
    ) -> None:
        self._producer = plain_producer(settings)
        self._files = files
        self._every_s = every_s
        self._known_ids = known_ids
        self._chance = random.Random(1)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._submit_all, daemon=True)
        self.submission_ids: list[str] = []
        self.track_ids: set[str] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        assert self._producer.flush(_DELIVERED_WITHIN_S) == 0, "live submissions were not delivered"

    def _submit_all(self) -> None:
        while not self._done.wait(self._every_s):
            again = self._known_ids and self._chance.random() < _AGAIN
            event = TrackSubmitted(
                track_id=self._chance.choice(self._known_ids) if again else f"live-{uuid.uuid4()}",
                uri=self._chance.choice(self._files).as_uri(),
                submission_id=str(uuid.uuid4()),
                submitted_at=datetime.now(UTC),
            )
            self.submission_ids.append(event.submission_id)
            self.track_ids.add(event.track_id)
            self._producer.produce(TRACKS_SUBMITTED.name, key=event.track_id, value=event.to_json())
            self._producer.poll(0)
