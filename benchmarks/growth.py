"""What more and more tracks cost: `python -m benchmarks.growth`.

    KAFKA_HOME=kafka python -m benchmarks.growth --music FOLDER [--sizes 100 1000 10000] [--clip-seconds 30]

One pipeline, everything that `needledrop up` runs, real Kafka; each size with new contents, one after the other. Tracks
a second, resident memory of each kind of process (second tenth and last tenth of the time of the largest size), bytes a
track in Redis and in each topic.

Then that pipeline, with all sizes behind it, and a new one, by turns of two seconds, until both have labeled half of
the middle size: the new one is then at the middle size. A machine that others use, too, changes by half within seconds,
so rates of sizes that came minutes apart may differ by more than the 5 % that are promised, and these say whether that
was the pipeline (`turns.py`). Last the middle size again with two extractors and two classifiers.

Progress goes to the standard error, so it can run in the background. Writes ``benchmarks/results/growth.json``; exit
code 1 when a promise does not hold. 10,000 clips of 30 s take 6 GB of disk.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any, Final

import psutil

from benchmarks.census import descendants, resident_mb
from benchmarks.music import CLIP_S, clips_of, distinct_copies
from benchmarks.pipeline import Pipeline, running_pipeline, second_workers
from benchmarks.redis_memory import bytes_by_key
from benchmarks.report import heading, write
from benchmarks.turns import Side, labeled_by_turns
from schemas.topics import TOPICS
from shared.cores import n_cores
from shared.redis.connection import connect
from shared.redis.views import TrackViews
from shared.settings.redis import RedisSettings

SLOWER_BY: Final = 0.05  # the largest size beside the one before; with all sizes behind it, beside a new one
GROWN_BY: Final = 0.03  # last tenth beside second tenth
TWICE_OVER_ONCE: Final = 1.8  # with so many cores that the second worker has some of its own:
N_CORES_FOR_TWO: Final = 4
N_WARM_UP: Final = 100
MOST_BY_TURNS: Final = 500  # two minutes of each, of which the first and the last second hardly count
OURS: Final = ("classifier", "decoder", "extractor", "projector", "trends")
_LOOK_EVERY_S: Final = 0.5
_SAY_EVERY_S: Final = 10.0
_PATIENCE_S: Final = 120.0


class Growth:
    """Sends sizes through one pipeline."""

    def __init__(self, pipeline: Pipeline, clips: Sequence[Path], folder: Path, kafka_home: Path | None) -> None:
        self._pipeline = pipeline
        self._clips = clips
        self._folder = folder
        self._kafka_home = kafka_home
        redis = RedisSettings(url=pipeline.stack.redis_url)
        self._redis = connect(redis)
        self._views = TrackViews(redis)
        self._n_made = 0
        self._n_labeled = 0

    def of(self, n_tracks: int) -> dict[str, Any]:
        """What ``n_tracks`` new contents cost."""
        tracks = self._copies(n_tracks)
        memory: list[Mapping[str, float]] = []
        redis_bytes, topic_bytes = sum(bytes_by_key(self._redis).values()), self._topic_bytes()
        said = time.monotonic()

        def look(n_done: int) -> None:
            nonlocal said
            memory.append(resident_mb())
            if time.monotonic() - said > _SAY_EVERY_S:
                said = time.monotonic()
                print(f"{n_done} of {n_tracks}", file=sys.stderr, flush=True)

        seconds = self._pipeline.label_all(tracks, each_s=_LOOK_EVERY_S, tick=look)
        memory.append(resident_mb())  # few tracks are done before the first look
        self._n_labeled += n_tracks
        self._wait_for_views()
        for track in tracks:
            track.unlink()
        return {
            "n_tracks": n_tracks,
            "tracks_per_s": n_tracks / seconds,
            "redis_bytes_per_track": (sum(bytes_by_key(self._redis).values()) - redis_bytes) / n_tracks,
            "topic_bytes_per_track": {
                name: (after - topic_bytes[name]) / n_tracks for name, after in self._topic_bytes().items()
            },
            "resident_mb": _tenths(memory),
        }

    def beside_a_new_one(self, n_tracks: int) -> dict[str, dict[str, Any]]:
        """Both label ``n_tracks`` by turns, the new one after as many; as `labeled_by_turns`."""
        roots = psutil.Process().children()
        before, tracks = self._copies(n_tracks), self._copies(n_tracks)

        def grown() -> list[psutil.Process]:
            return descendants(roots)

        def newer() -> list[psutil.Process]:
            older = set(grown())
            return [process for process in descendants() if process not in older]

        with running_pipeline(self._folder / "music", self._folder / "new", self._kafka_home) as new:
            new.label_all(before)
            sides = {
                "grown": Side(grown, self._pipeline.counting(), partial(self._pipeline.begin, tracks)),
                "new": Side(newer, new.counting(), partial(new.begin, tracks)),
            }
            found = labeled_by_turns(sides, n_tracks)
        self._n_labeled += len(tracks)
        return found

    def _wait_for_views(self) -> None:
        """The projector writes a track's view after its label is committed. Raises: SystemExit when it does not."""
        deadline = time.monotonic() + _PATIENCE_S
        while (n := len(set(self._views.track_ids()))) < self._n_labeled:
            if time.monotonic() > deadline:
                n_missing = self._n_labeled - n
                raise SystemExit(f"{n_missing} of {self._n_labeled} tracks have no view after {_PATIENCE_S:.0f} s")
            time.sleep(_LOOK_EVERY_S)

    def _copies(self, n: int) -> list[Path]:
        first, self._n_made = self._n_made, self._n_made + n
        return distinct_copies(self._clips, self._folder / "music", n, first=first)

    def _topic_bytes(self) -> dict[str, int]:
        data = self._folder / "state" / "kafka" / "data"
        return {topic.name: sum(log.stat().st_size for log in data.glob(f"{topic.name}-*/*.log")) for topic in TOPICS}


def _tenths(memory: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Mean of the second and of the last tenth of the time, by kind of process."""
    n = max(len(memory) // 10, 1)
    tenths = {"second_tenth": memory[n : 2 * n] or memory[-1:], "last_tenth": memory[-n:]}
    kinds = sorted(memory[-1]) if memory else []
    return {
        kind: {name: mean(look[kind] for look in looks if kind in look) for name, looks in tenths.items()}
        for kind in kinds
    }


def measure(music: Path, kafka_home: Path | None, sizes: Sequence[int], clip_s: float) -> dict[str, Any]:
    """All numbers of the table."""
    with tempfile.TemporaryDirectory(prefix="needledrop-growth-") as name:
        folder = Path(name)
        clips = clips_of(music, folder / "clips", seconds=clip_s)
        (folder / "music").mkdir()
        with running_pipeline(folder / "music", folder / "state", kafka_home) as pipeline:
            growth = Growth(pipeline, clips, folder, kafka_home)
            growth.of(min(N_WARM_UP, sizes[0]))
            found = [growth.of(size) for size in sizes]
            middle = sizes[len(sizes) // 2]
            by_turns = growth.beside_a_new_one(min(middle // 2, MOST_BY_TURNS))
            with second_workers(pipeline.stack, folder / "music", folder / "second"):
                growth.of(min(N_WARM_UP, sizes[0]))
                twice = growth.of(middle)
    once = found[len(sizes) // 2]
    return {
        **heading(),
        "clip_s": clip_s,
        "sizes": found,
        "by_turns": by_turns,
        "two_workers_a_stage": twice,
        "ratios": {
            "grown_over_new": by_turns["grown"]["tracks_per_s"] / by_turns["new"]["tracks_per_s"],
            "largest_over_the_one_before": found[-1]["tracks_per_s"] / found[max(len(found) - 2, 0)]["tracks_per_s"],
            "two_workers_over_one": twice["tracks_per_s"] / once["tracks_per_s"],
            **{
                f"{kind}_last_over_second_tenth": tenths["last_tenth"] / tenths["second_tenth"]
                for kind, tenths in found[-1]["resident_mb"].items()
            },
        },
    }


def broken_promises(found: dict[str, Any]) -> list[str]:
    """The names of ratios that are not as promised."""
    ratios = found["ratios"]
    broken = [f"{kind}_last_over_second_tenth" for kind in OURS]
    broken = [name for name in broken if ratios.get(name, 1.0) > 1.0 + GROWN_BY]
    rates = ("largest_over_the_one_before", "grown_over_new")
    broken += [name for name in rates if ratios[name] < 1.0 - SLOWER_BY]
    if n_cores() >= N_CORES_FOR_TWO and ratios["two_workers_over_one"] < TWICE_OVER_ONCE:
        broken.append("two_workers_over_one")
    return broken


def print_table(found: dict[str, Any]) -> None:
    """The same, to be read."""
    print(f"{found['machine']}; {found['date']}; clips of {found['clip_s']:g} s\n")
    topics = list(found["sizes"][0]["topic_bytes_per_track"])
    print(
        f"{'tracks':>8}{'tracks/s':>10}{'Redis B':>9}"
        + "".join(f"{topic.split('.')[1] + ' B':>13}" for topic in topics)
    )
    for row in (*found["sizes"], found["two_workers_a_stage"]):
        bytes_ = "".join(f"{row['topic_bytes_per_track'][topic]:13,.0f}" for topic in topics)
        workers = "  two workers a stage" if row is found["two_workers_a_stage"] else ""
        print(f"{row['n_tracks']:>8}{row['tracks_per_s']:>10.2f}{row['redis_bytes_per_track']:9,.0f}{bytes_}{workers}")
    print(f"\n{'MB of the largest process':28}{'2nd tenth':>10}{'last':>8}")
    for kind, tenths in found["sizes"][-1]["resident_mb"].items():
        print(f"{kind:28}{tenths['second_tenth']:10.0f}{tenths['last_tenth']:8.0f}")
    ratios, by_turns = found["ratios"], found["by_turns"]
    print(f"\nlargest size over the one before, minutes apart: {ratios['largest_over_the_one_before']:.3f} of its rate")
    print(f"with all sizes behind it over a new one, by turns: {ratios['grown_over_new']:.3f} of its rate")
    for name, side in by_turns.items():
        print(f"  {name}: {side['n_tracks']} tracks, {side['tracks_per_s']:.2f} a second")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, required=True, help="folder of audio of 30 s and more")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--clip-seconds", type=float, default=CLIP_S)
    parser.add_argument("--kafka-home", type=Path, default=os.environ.get("KAFKA_HOME"))
    arguments = parser.parse_args()
    found = measure(arguments.music, arguments.kafka_home, arguments.sizes, arguments.clip_seconds)
    print_table(found)
    write("growth", found)
    if broken := broken_promises(found):
        sys.exit(f"promises that do not hold: {', '.join(broken)}")


if __name__ == "__main__":
    main()
