"""What a track costs: processor time by stage, bytes in each topic, bytes in Redis.

    python -m benchmarks.cost --music FOLDER [--tracks 60]

Clips of 30 s, each another content; extractor, classifier and projector in this process, a mock cluster and a Redis
beside it. Writes ``benchmarks/results/cost.json``, from which ``benchmarks.capacity`` computes.
"""

import argparse
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from benchmarks.music import clips_of, distinct_copies
from benchmarks.redis_memory import bytes_by_key
from benchmarks.report import heading, write
from benchmarks.whole_in_one import Whole, whole_in_one
from schemas.topics import TRACKS_FEATURES, TRACKS_LABELED, TRACKS_SUBMITTED
from shared.kafka.ranges import RangeReader
from shared.kafka.records import Record
from shared.redis.connection import connect
from shared.settings.redis import RedisSettings

_N_WARM_UP: Final = 12
# What Redis keeps of a track, by the beginning of its keys.
_KINDS: Final = {"view": "needledrop:track:", "newest": "needledrop:newest:", "result": "needledrop:result:"}


def record_bytes(whole: Whole) -> dict[str, float]:
    """Mean bytes of a record, key and headers included, by topic."""
    with closing(RangeReader(whole.pipeline.kafka)) as reader:
        return {
            topic.name: statistics.fmean(_size(record) for record in _records(reader, topic.name))
            for topic in (TRACKS_SUBMITTED, TRACKS_FEATURES, TRACKS_LABELED)
        }


def _records(reader: RangeReader, topic: str) -> Iterator[Record]:
    for partition, (low, high) in reader.bounds(topic).items():
        yield from reader.between(topic, partition, low, high)


def _size(record: Record) -> int:
    headers = sum(len(name) + len(value) for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


def redis_bytes(url: str) -> dict[str, float]:
    """Mean bytes of memory that Redis takes for a key, by kind."""
    found: dict[str, list[int]] = defaultdict(list)
    for key, n_bytes in bytes_by_key(connect(RedisSettings(url=url))).items():
        kind = next((kind for kind, prefix in _KINDS.items() if key.startswith(prefix.encode())), None)
        if kind:
            found[kind].append(n_bytes)
    return {kind: statistics.fmean(sizes) for kind, sizes in found.items()}


def measure(music: Path, n_tracks: int) -> dict[str, Any]:
    """All numbers."""
    with tempfile.TemporaryDirectory(prefix="needledrop-cost-") as name:
        folder = Path(name)
        clips = clips_of(music, folder / "clips")
        copies = distinct_copies(clips, folder / "music", _N_WARM_UP + n_tracks)
        with whole_in_one(folder / "music") as whole:
            whole.pipeline.label_all(copies[:_N_WARM_UP])
            return {
                **heading(),
                "n_tracks": n_tracks,
                "processor_ms": whole.processor_ms_a_track(copies[_N_WARM_UP:]),
                "record_bytes": record_bytes(whole),
                "redis_bytes": redis_bytes(whole.pipeline.stack.redis_url),
            }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, required=True, help="folder of audio of 30 s and more")
    parser.add_argument("--tracks", type=int, default=60)
    arguments = parser.parse_args()
    found = measure(arguments.music, arguments.tracks)
    print(f"{found['machine']}; {found['date']}; {found['n_tracks']} clips of 30 s")
    for what, unit in (("processor_ms", "ms of processor time"), ("record_bytes", "bytes"), ("redis_bytes", "bytes")):
        for name, value in found[what].items():
            print(f"{name:24}{value:12,.1f} {unit}")
    write("cost", found)


if __name__ == "__main__":
    main()
