"""Memory of each process while tracks pass through a real Kafka: `python -m benchmarks.memory --music FOLDER`.

Bounds that are promised: an extractor process (main process, and each decoding process) under 400 MB, the classifier
under 600 MB. Contents differ (copies with bytes behind the end of the audio), so that nothing comes from the cache.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
import uuid
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import psutil

from schemas.events import TrackSubmitted
from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.kafka.following import following
from shared.kafka.submitting import Submitter
from shared.settings.kafka import KafkaSettings
from workers.cli.stack import WORKERS, embedded_stack
from workers.cli.tracks import tracks_of

LIMITS_MB = {"extractor": 400, "decoder": 400, "classifier": 600}
_MEASURE_EVERY_S = 0.5
_PATIENCE_S = 120.0


def main() -> None:
    """Run and print a table; exit code 1 when a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--music", type=Path, required=True, help="folder of audio to copy from")
    parser.add_argument("--tracks", type=int, default=500)
    parser.add_argument("--kafka-home", type=Path, default=os.environ.get("KAFKA_HOME"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="needledrop-memory-") as folder:
        music = Path(folder) / "music"
        copies = _distinct_copies(arguments.music, music, arguments.tracks)
        with embedded_stack([music], kafka_home=arguments.kafka_home, state=Path(folder) / "state") as stack:
            peaks, seconds = _peaks_mb(KafkaSettings(bootstrap_servers=stack.bootstrap_servers), copies)
    _report(peaks, arguments.tracks, seconds)


def _distinct_copies(source: Path, target: Path, n: int) -> list[Path]:
    target.mkdir()
    originals = [track.path for track in tracks_of([str(source)]) if track.path]
    copies = []
    for index in range(n):
        original = originals[index % len(originals)]
        copy = target / f"{index:05d}{original.suffix}"
        shutil.copyfile(original, copy)
        with copy.open("ab") as file:
            file.write(f"needledrop benchmark {index}".encode())
        copies.append(copy)
    return copies


def _peaks_mb(kafka: KafkaSettings, copies: list[Path]) -> tuple[dict[str, float], float]:
    """Peak resident memory by kind of process, and the seconds that all tracks took."""
    peaks: dict[str, float] = defaultdict(float)
    waiting = {str(uuid.uuid4()): copy for copy in copies}
    began = last = time.monotonic()
    measure_at = 0.0
    with following(kafka, [TRACKS_LABELED.name, TRACKS_FAILED.name], from_start=False) as follower:
        with Submitter(kafka) as submitter:
            for submission, copy in waiting.items():
                submitter.submit(
                    TrackSubmitted(
                        track_id=copy.name, uri=copy.as_uri(), submission_id=submission, submitted_at=datetime.now(UTC)
                    )
                )
        while waiting and time.monotonic() - last < _PATIENCE_S:
            record = follower.take(timeout_s=0.1)
            if record is not None and record.value is not None:
                waiting.pop(json.loads(record.value)["submission"]["submission_id"], None)
                last = time.monotonic()
            if time.monotonic() > measure_at:
                measure_at = time.monotonic() + _MEASURE_EVERY_S
                for kind, megabytes in _resident_mb():
                    peaks[kind] = max(peaks[kind], megabytes)
    if waiting:
        raise SystemExit(f"{len(waiting)} tracks have no outcome")
    return peaks, time.monotonic() - began


def _resident_mb() -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for process in psutil.Process().children(recursive=True):
        try:
            command = " ".join(process.cmdline())
            megabytes = process.memory_info().rss / 1e6
        except psutil.Error:  # it has just ended
            continue
        kinds = [worker for worker in WORKERS if f"worker {worker}" in command] or ["decoder"] * ("zygote" in command)
        found += [(kind, megabytes) for kind in kinds]
    return found


def _report(peaks: dict[str, float], n: int, seconds: float) -> None:
    print(f"{n} tracks in {seconds:.0f} s ({n / seconds:.1f}/s)")
    print(f"{'process':<12}{'peak MB':>9}{'bound MB':>10}")
    for kind, megabytes in sorted(peaks.items()):
        print(f"{kind:<12}{megabytes:>9.0f}{LIMITS_MB.get(kind, ''):>10}")
    if any(peaks[kind] > limit for kind, limit in LIMITS_MB.items()):
        raise SystemExit("a bound does not hold")


if __name__ == "__main__":
    main()
