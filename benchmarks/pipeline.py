"""A whole running pipeline, as an ingest system sees it: submit tracks, wait for their outcomes."""

import os
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from schemas.events import TrackSubmitted
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.embedded.ports import free_port
from shared.embedded.supervised import Supervised
from shared.kafka.following import Follower, following
from shared.kafka.submitting import Submitter
from shared.outcomes import origin_of
from shared.settings.kafka import KafkaSettings
from workers.cli.stack import WORKERS, Stack, embedded_stack

_PATIENCE_S: Final = 120.0
# When nothing comes for so long, all has come. One call that brings nothing does not say that: the end of a partition
# looks like that, too, and comes behind almost every label.
_QUIET_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A running stack and a reader of its outcomes."""

    stack: Stack
    kafka: KafkaSettings
    follower: Follower

    def submitter(self) -> Submitter:
        """Writes submissions; a context manager."""
        return Submitter(self.kafka)

    def submission(self, track: Path) -> TrackSubmitted:
        """A new submission of a file below the media root, under a track id of its own."""
        submission_id = str(uuid.uuid4())
        return TrackSubmitted(
            track_id=f"{submission_id[:8]}/{track.name}",
            uri=track.as_uri(),
            submission_id=submission_id,
            submitted_at=datetime.now(UTC),
        )

    def begin(self, tracks: Sequence[Path]) -> threading.Thread:
        """Submit ``tracks``, files below the media root, in a thread: it waits while the extractor is far behind."""

        def submit_all() -> None:
            with self.submitter() as submitter:
                for track in tracks:
                    submitter.submit(self.submission(track))

        thread = threading.Thread(target=submit_all, daemon=True)
        thread.start()
        return thread

    def label_all(
        self, tracks: Sequence[Path], *, each_s: float = 0.0, tick: Callable[[int], None] = lambda _: None
    ) -> float:
        """Submit ``tracks``, wait for every label. Returns: seconds from the first submission to the last label.

        Args:
            tracks: files below the media root.
            each_s: how often ``tick`` is called with the number of labels so far; 0 for never.
            tick: see there.

        Raises: SystemExit as `outcomes`.
        """
        began = time.monotonic()
        thread = self.begin(tracks)
        last = max(at for _, at in self.outcomes(len(tracks), each_s=each_s, tick=tick))
        thread.join()
        return last - began

    def outcome(self, timeout_s: float) -> str | None:
        """Whose submission the next label is; None when none comes in time. Raises: SystemExit when a track fails."""
        record = self.follower.take(timeout_s=timeout_s)
        if record is None:
            return None
        if record.topic == TRACKS_FAILED.name:
            raise SystemExit(f"a track failed: {(record.value or b'').decode()[:500]}")
        return origin_of(record).submission_id

    def counting(self) -> Callable[[], int]:
        """A function that says how many labels have come since; it raises SystemExit when a track fails."""
        n_labeled = 0

        def counted() -> int:
            nonlocal n_labeled
            until = time.monotonic() + _QUIET_S
            while time.monotonic() < until:
                if self.outcome(timeout_s=_QUIET_S) is not None:
                    n_labeled, until = n_labeled + 1, time.monotonic() + _QUIET_S
            return n_labeled

        return counted

    def outcomes(
        self, n: int, *, each_s: float = 0.0, tick: Callable[[int], None] = lambda _: None
    ) -> Iterator[tuple[str, float]]:
        """The next ``n`` labels: whose submission each is, and when it was read (time.monotonic).

        Raises: SystemExit when a track fails, or nothing comes for two minutes.
        """
        n_found, last, tick_at = 0, time.monotonic(), time.monotonic() + each_s
        while n_found < n:
            submission_id = self.outcome(timeout_s=0.05)
            now = time.monotonic()
            if submission_id is not None:
                n_found, last = n_found + 1, now
                yield submission_id, now
            elif now - last > _PATIENCE_S:
                raise SystemExit(f"{n - n_found} of {n} tracks have no label after {_PATIENCE_S:.0f} s of silence")
            if each_s and now > tick_at:
                tick(n_found)
                tick_at = now + each_s


@contextmanager
def running_pipeline(
    music: Path, state: Path, kafka_home: Path | None, *, workers: Sequence[str] = WORKERS, **settings: str
) -> Iterator[Pipeline]:
    """What `needledrop up` runs, or some of its workers only, on a real Kafka. ``settings`` are theirs, by variable."""
    if kafka_home is None:
        raise SystemExit("this needs a real Kafka: KAFKA_HOME or --kafka-home names an unpacked one")
    with embedded_stack([music], kafka_home=kafka_home, state=state, workers=workers, more_settings=settings) as stack:
        kafka = KafkaSettings(bootstrap_servers=stack.bootstrap_servers)
        with following(kafka, [TRACKS_LABELED.name, TRACKS_FAILED.name], from_start=True) as follower:
            yield Pipeline(stack, kafka, follower)


@contextmanager
def second_workers(stack: Stack, music: Path, logs: Path) -> Iterator[None]:
    """One more extractor and one more classifier while the block runs."""
    with Supervised(logs) as supervised:
        ports = {worker: free_port() for worker in ("extractor", "classifier")}
        for worker, port in ports.items():
            environment = {
                **os.environ,
                **stack.environment(),
                "NEEDLEDROP_KAFKA_SLOT": "1",
                "NEEDLEDROP_HTTP_PORT": str(port),
                "NEEDLEDROP_MEDIA_ROOTS": str(music),
            }
            supervised.start(worker, [sys.executable, "-m", "workers.cli.main", "worker", worker], env=environment)
        deadline = time.monotonic() + _PATIENCE_S
        while not all(_is_ready(port) for port in ports.values()):
            if time.monotonic() > deadline:
                raise SystemExit(f"the second workers are not ready; {logs} says why")
            time.sleep(0.1)
        yield


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2.0) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
