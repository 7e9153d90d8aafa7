"""Submits failed tracks again, once or until their hosts are back."""

import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

import typer

from schemas.errors import FailureReason, InvalidEventError
from schemas.events import TrackSubmitted
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.kafka.following import Follower, following
from shared.kafka.ranges import RangeReader
from shared.kafka.submitting import Submitter
from shared.lifecycle import EXIT_STOPPED
from shared.outcomes import origin_of
from shared.redis.views import TrackViews
from shared.settings.kafka import KafkaSettings
from workers.cli.console import err, json_line, out, piped, progress
from workers.cli.failed_tracks import Failure, replay_of

_TAKE_S: Final = 0.2


class Replays:
    """Submits replays; use as a context manager."""

    def __init__(self, kafka: KafkaSettings, views: TrackViews) -> None:
        self._kafka = kafka
        self._views = views
        self._originals = RangeReader(kafka)

    def submit(self, failures: Sequence[Failure]) -> dict[str, Failure]:
        """Submit a replay of each failure that is still the last word on its track; the failures by its id.

        Raises: InvalidSettingError, UnreachableError when the brokers do not answer, CacheUnavailableError.
        """
        known = {failure.event.track_id: failure for failure in failures}
        settled = {
            track_id for track_id, position, _ in self._views.positions(known) if position > known[track_id].position
        }
        waiting = [failure for failure in failures if failure.event.track_id not in settled]
        replays: dict[str, Failure] = {}
        with Submitter(self._kafka) as submitter:
            for failure, event in self._events(waiting):
                submitter.submit(event)
                replays[event.submission_id] = failure
                if piped():
                    names = {"track_id", "submission_id", "replay_of"}
                    json_line(event.model_dump(include=names))
        n_gone = len(waiting) - len(replays)
        err.print(
            f"{len(replays)} replays submitted"
            + (f"; {n_gone} submissions are gone" if n_gone else "")
            + (f"; {len(settled)} tracks have been labeled or deleted since" if settled else "")
        )
        return replays

    def until_reachable(self, failures: list[Failure], *, every_s: float, attempts: int) -> None:
        """Replay what is unreachable every ``every_s`` seconds, ``attempts`` times at most, and say how it ended.

        Raises: typer.Exit when something is unreachable still; otherwise as ``submit``.
        """
        ended: Counter[str] = Counter()
        waiting: dict[str, Failure] = {}
        topics = [TRACKS_LABELED.name, TRACKS_FAILED.name]
        with following(self._kafka, topics, from_start=False) as follower:
            for attempt in range(1, attempts + 1):
                until = time.monotonic() + every_s
                waiting |= self.submit(failures)
                failures = []
                for reason, failure in _ends(follower, waiting, until=until):
                    if failure and reason == FailureReason.UNREACHABLE and attempt < attempts:
                        failures.append(failure)
                    else:
                        ended[reason] += 1
                if not failures and not waiting:
                    break
                time.sleep(max(until - time.monotonic(), 0.0))
        ended["not finished yet"] = len(waiting)
        out.print(", ".join(f"{n} {reason}" for reason, n in ended.items() if n) or "nothing to replay")
        if ended[FailureReason.UNREACHABLE.value]:
            raise typer.Exit(EXIT_STOPPED)

    def _events(self, failures: Sequence[Failure]) -> Iterator[tuple[Failure, TrackSubmitted]]:
        with progress() as bar:
            task = bar.add_task("replaying", total=len(failures))
            for failure in failures:
                event = self._event(failure)
                bar.advance(task)
                if event:
                    yield failure, event
                else:
                    err.print(f"gone: the submission of {failure.event.track_id!r} at {failure.event.coordinates}")

    def _event(self, failure: Failure) -> TrackSubmitted | None:
        record = self._originals.at(failure.event.coordinates)
        if record is None:
            return None
        try:
            return replay_of(failure, record, submission_id=str(uuid.uuid4()), at=datetime.now(UTC))
        except InvalidEventError:
            return None  # something else is there now

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._originals.close()


def _ends(follower: Follower, waiting: dict[str, Failure], *, until: float) -> Iterator[tuple[str, Failure | None]]:
    """How replays end, as they do: `labeled` or a reason, and the failure. What has ended is no longer ``waiting``."""
    while waiting and time.monotonic() < until:
        record = follower.take(timeout_s=_TAKE_S)
        if record is None or waiting.pop(origin_of(record).submission_id, None) is None:
            continue
        failure = Failure.of(record) if record.topic == TRACKS_FAILED.name else None
        yield (failure.event.reason if failure else "labeled"), failure
