"""Memory of each process while tracks pass through a real Kafka: `python -m benchmarks.memory --music FOLDER`.

Bounds that are promised: an extractor process (main process, and each decoding process) under 400 MB, the classifier
under 600 MB. Contents differ, so that nothing comes from the cache.
"""

import argparse
import os
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmarks.census import resident_mb
from benchmarks.music import distinct_copies
from benchmarks.pipeline import running_pipeline
from workers.cli.tracks import tracks_of

LIMITS_MB = {"extractor": 400, "decoder": 400, "classifier": 600}
_LOOK_EVERY_S = 0.5


def main() -> None:
    """Run and print a table; exit code 1 when a bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--music", type=Path, required=True, help="folder of audio to copy from")
    parser.add_argument("--tracks", type=int, default=500)
    parser.add_argument("--kafka-home", type=Path, default=os.environ.get("KAFKA_HOME"))
    arguments = parser.parse_args()
    peaks: dict[str, float] = defaultdict(float)

    def look(_: int) -> None:
        for kind, megabytes in resident_mb().items():
            peaks[kind] = max(peaks[kind], megabytes)

    with tempfile.TemporaryDirectory(prefix="needledrop-memory-") as name:
        folder = Path(name)
        originals = [track.path for track in tracks_of([str(arguments.music)]) if track.path]
        copies = distinct_copies(originals, folder / "music", arguments.tracks)
        with running_pipeline(folder / "music", folder / "state", arguments.kafka_home) as pipeline:
            seconds = pipeline.label_all(copies, each_s=_LOOK_EVERY_S, tick=look)
    _report(peaks, arguments.tracks, seconds)


def _report(peaks: dict[str, float], n: int, seconds: float) -> None:
    print(f"{n} tracks in {seconds:.0f} s ({n / seconds:.1f}/s)")
    print(f"{'process':<12}{'peak MB':>9}{'bound MB':>10}")
    for kind, megabytes in sorted(peaks.items()):
        print(f"{kind:<12}{megabytes:>9.0f}{LIMITS_MB.get(kind, ''):>10}")
    if any(peaks[kind] > limit for kind, limit in LIMITS_MB.items()):
        raise SystemExit("a bound does not hold")


if __name__ == "__main__":
    main()
