"""Submissions at a steady rate, good ones and bad ones, as ingest systems send them."""

import itertools
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Self

from schemas.events import TrackSubmitted
from shared.kafka.submitting import Submitter
from shared.settings.kafka import KafkaSettings

_TICK_S = 0.05
_LISTENER_EVERY_S = 0.5
_JOIN_WITHIN_S = 30.0


class Load:
    """A context manager that publishes in a thread; the rates may be changed at any time.

    Args:
        good: URIs of audio, which never end.
        bad: URIs whose tracks must fail, submitted in turns.
        listener: an address of the catalog that is asked now and then, as people do.
    """

    def __init__(self, kafka: KafkaSettings, good: Iterator[str], bad: Sequence[str], listener: str) -> None:
        self._kafka = kafka
        self._good, self._bad = good, itertools.cycle(bad)
        self._listener = listener
        self.good_per_s = 0.0
        self.bad_per_s = 0.0
        self._at_once: list[TrackSubmitted] = []
        self._adding = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._publish, name="load")
        self._n_good = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(_JOIN_WITHIN_S)
        assert not self._thread.is_alive(), "submitting hangs"

    def add(self, events: Sequence[TrackSubmitted]) -> None:
        """Publish these as soon as possible."""
        with self._adding:
            self._at_once += events

    def bad_submission(self, *, age_s: float = 0.0) -> TrackSubmitted:
        """The next track that must fail."""
        return submission(next(self._bad), age_s=age_s)

    def _publish(self) -> None:
        owed_good = owed_bad = 0.0
        looked_at = asked_at = time.monotonic()
        with Submitter(self._kafka) as submitter:
            while not self._stop.wait(_TICK_S):
                now = time.monotonic()
                owed_good += (now - looked_at) * self.good_per_s
                owed_bad += (now - looked_at) * self.bad_per_s
                looked_at = now
                for event in self._due(int(owed_good), int(owed_bad)):
                    submitter.submit(event)
                owed_good, owed_bad = owed_good % 1.0, owed_bad % 1.0
                if now > asked_at + _LISTENER_EVERY_S:
                    asked_at = now
                    _ask(self._listener)

    def _due(self, n_good: int, n_bad: int) -> Iterator[TrackSubmitted]:
        with self._adding:
            at_once, self._at_once = self._at_once, []
        yield from at_once
        for _ in range(n_good):
            event = submission(next(self._good))
            yield event
            self._n_good += 1
            if self._n_good % 5 == 0:  # somebody has it labeled again
                yield submission(event.uri, track_id=event.track_id, relabel_of=event.submission_id)
        for _ in range(n_bad):
            yield self.bad_submission()


def submission(
    uri: str, *, track_id: str | None = None, age_s: float = 0.0, relabel_of: str | None = None
) -> TrackSubmitted:
    """A new track, submitted ``age_s`` ago."""
    return TrackSubmitted(
        track_id=track_id or f"track-{uuid.uuid4()}",
        uri=uri,
        submission_id=str(uuid.uuid4()),
        submitted_at=datetime.now(UTC) - timedelta(seconds=age_s),
        relabel_of=relabel_of,
    )


def _ask(address: str) -> None:
    try:
        urllib.request.urlopen(address, timeout=1.0).close()
    except OSError:
        return  # it is starting, or busy
