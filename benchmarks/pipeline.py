"""A whole running pipeline, as an ingest system sees it: submit tracks, wait for their outcomes."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from schemas.events import TrackSubmitted
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.kafka.following import Follower, following
from shared.kafka.submitting import Submitter
from shared.outcomes import origin_of
from shared.settings.kafka import KafkaSettings
from workers.cli.stack import Stack, embedded_stack

_PATIENCE_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A running stack and a reader of its outcomes."""

    stack: Stack
    kafka: KafkaSettings
    follower: Follower

    def label_all(
        self, tracks: Sequence[Path], *, each_s: float = 0.0, tick: Callable[[int], None] = lambda _: None
    ) -> float:
        """Submit ``tracks``, wait for every outcome. Returns: seconds from the first submission to the last label.

        Args:
            tracks: files below the media root; their names are the track ids, new ones at each call.
            each_s: how often ``tick`` is called with the number of outcomes so far; 0 for never.
            tick: see there.

        Raises: SystemExit when a track fails, or nothing comes for two minutes.
        """
        call = uuid.uuid4().hex[:8]
        waiting = {str(uuid.uuid4()): track for track in tracks}
        began = last = time.monotonic()
        tick_at = began + each_s
        with Submitter(self.kafka) as submitter:
            for submission, track in waiting.items():
                submitter.submit(
                    TrackSubmitted(
                        track_id=f"{call}/{track.name}",
                        uri=track.as_uri(),
                        submission_id=submission,
                        submitted_at=datetime.now(UTC),
                    )
                )
        while waiting and time.monotonic() - last < _PATIENCE_S:
            record = self.follower.take(timeout_s=0.05)
            now = time.monotonic()
            if record is not None and record.value is not None:
                if record.topic == TRACKS_FAILED.name:
                    raise SystemExit(f"a track failed: {record.value.decode()[:500]}")
                waiting.pop(origin_of(record).submission_id, None)
                last = now
            if each_s and now > tick_at:
                tick(len(tracks) - len(waiting))
                tick_at = now + each_s
        if waiting:
            raise SystemExit(f"{len(waiting)} tracks have no outcome after {_PATIENCE_S:.0f} s of silence")
        return last - began


@contextmanager
def running_pipeline(music: Path, state: Path, kafka_home: Path | None, **settings: str) -> Iterator[Pipeline]:
    """Everything that `needledrop up` runs, on a real Kafka. ``settings`` are the workers', by variable."""
    if kafka_home is None:
        raise SystemExit("this needs a real Kafka: KAFKA_HOME or --kafka-home names an unpacked one")
    with embedded_stack([music], kafka_home=kafka_home, state=state, more_settings=settings) as stack:
        kafka = KafkaSettings(bootstrap_servers=stack.bootstrap_servers)
        with following(kafka, [TRACKS_LABELED.name, TRACKS_FAILED.name], from_start=True) as follower:
            yield Pipeline(stack, kafka, follower)
