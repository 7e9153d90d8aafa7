"""Tracks a second from submitted event to committed label on a real Kafka, beside others.

    KAFKA_HOME=kafka python -m benchmarks.throughput --music FOLDER [--tracks 1000]

Clips of 30 s, as many different contents as tracks, everything that `needledrop up` runs, on this machine's cores:

* Kafka, the twelve features on; then the same contents again under other ids; then others with the features off;
* Kafka and the same work in one process without it (`needledrop label`), by turns of two seconds, each standing still
  while the other runs: a machine that others use, too, becomes slower and faster by half within seconds (`turns.py`).
  In process nobody counts trends or keeps a catalogue, as `up` does: the pipeline is measured with those two workers
  and without them, and only without them is it the same work;
* the package musicnn, and librosa with the graphs as published on stock ONNX Runtime, each in a simple loop, before and
  after; medians over clips.

Each as tracks a second, and as processor time a track, of all processes together: on a machine that others use too,
the second is what can be compared. Warm-up is not counted. Writes ``benchmarks/results/throughput.json``; exit code 1
when a promise does not hold.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.alone import labeling_alone
from benchmarks.census import descendants, processor_s, rates
from benchmarks.music import clips_of, distinct_copies
from benchmarks.peers import MUSICNN_VENV, Spent, musicnn_environment, musicnn_package, simple_loop
from benchmarks.pipeline import Pipeline, running_pipeline
from benchmarks.report import heading, write
from benchmarks.turns import Side, labeled_by_turns
from workers.cli.stack import WORKERS

PROMISES: Final = {
    "features_off_over_musicnn": 25.0,
    "features_on_over_musicnn": 20.0,
    "features_off_over_in_process": 0.9,
    "features_on_over_in_process": 0.9,
    "again_over_first": 10.0,
}
N_WARM_UP: Final = 48  # Java compiles what is used often
N_ALONE_WARM_UP: Final = 12  # the processes that decode have loaded their libraries
N_PEER_CLIPS: Final = 4
MOST_BY_TURNS: Final = 500  # of each: two minutes, of which the first and the last second hardly count
SAME_WORK: Final = tuple(worker for worker in WORKERS if worker not in ("trends", "catalog"))  # as `label` does it
_OFF: Final = {"NEEDLEDROP_FEATURES_ENABLED": "false"}


class Bench:
    """One folder of clips, and how many tracks to make of them."""

    def __init__(self, clips: Sequence[Path], folder: Path, kafka_home: Path | None, n_tracks: int) -> None:
        self._clips = clips
        self._folder = folder
        self._kafka_home = kafka_home
        self._n_tracks = n_tracks
        self._n_made = 0

    def ours(self, *, features: bool) -> dict[str, dict[str, Any]]:
        """All of ours with, or without, the features."""
        name = "features_on" if features else "features_off"
        found = {f"kafka_{name}": self.pipeline(features=features, again=features)}
        if features:
            found["kafka_again"] = found[f"kafka_{name}"].pop("again")
        for work, workers in (("", WORKERS), ("_same_work", SAME_WORK)):
            by_turns = self.by_turns(workers, features=features)
            found |= {f"{side}_by_turns{work}_{name}": one for side, one in by_turns.items()}
        return found

    def pipeline(self, *, features: bool, again: bool) -> dict[str, Any]:
        """Tracks a second through the pipeline, and what each kind of process used for a track."""
        warm, tracks = self._tracks(N_WARM_UP), self._tracks(self._n_tracks)
        with self._running(WORKERS, features=features) as pipeline:
            pipeline.label_all(warm)
            found = _timed(pipeline, tracks)
            if again:
                found["again"] = _timed(pipeline, tracks)
            return found

    def by_turns(self, workers: Sequence[str], *, features: bool) -> dict[str, dict[str, Any]]:
        """The same of the pipeline of ``workers``, and of one process without Kafka and Redis, on the same cores."""
        n = min(max(self._n_tracks // 2, 1), MOST_BY_TURNS)
        warm, tracks, others = self._tracks(N_WARM_UP), self._tracks(n), self._tracks(2 * n + N_ALONE_WARM_UP)
        with self._running(workers, features=features) as pipeline:
            pipeline.label_all(warm)
            with labeling_alone(others, features=features) as alone:
                while alone.n_labeled() < N_ALONE_WARM_UP:
                    time.sleep(0.1)

                def ours() -> list[psutil.Process]:
                    theirs = set(alone.processes())
                    return [process for process in descendants() if process not in theirs]

                sides = {
                    "kafka": Side(ours, pipeline.counting(), partial(pipeline.begin, tracks)),
                    "in_process": Side(alone.processes, alone.n_labeled),
                }
                return labeled_by_turns(sides, n)

    def _running(self, workers: Sequence[str], *, features: bool) -> AbstractContextManager[Pipeline]:
        state = self._folder / f"state-{self._n_made}"
        settings = {} if features else _OFF
        return running_pipeline(self._folder / "music", state, self._kafka_home, workers=workers, **settings)

    def _tracks(self, n: int) -> list[Path]:
        first, self._n_made = self._n_made, self._n_made + n
        return distinct_copies(self._clips, self._folder / "music", n, first=first)


def _timed(pipeline: Pipeline, tracks: Sequence[Path]) -> dict[str, Any]:
    before = processor_s()
    seconds = pipeline.label_all(tracks)
    return rates(len(tracks), seconds, before, processor_s())


def measure(music: Path, kafka_home: Path | None, n_tracks: int, musicnn_venv: Path | None) -> dict[str, Any]:
    """All numbers of the table; without an environment for it the package musicnn is left out."""
    python = musicnn_environment(musicnn_venv) if musicnn_venv else None
    with tempfile.TemporaryDirectory(prefix="needledrop-throughput-") as name:
        folder = Path(name)
        clips = clips_of(music, folder / "clips")
        heard = [clips[i * len(clips) // N_PEER_CLIPS] for i in range(min(N_PEER_CLIPS, len(clips)))]
        found: dict[str, Any] = {**heading(), "n_clips": len(clips)}
        bench = Bench(clips, folder, kafka_home, n_tracks)
        peers = [_peers(python, heard)]
        _say("peers, first time", peers[0])
        for features in (True, False):
            ours = bench.ours(features=features)
            _say("kafka and in process", ours)
            found |= ours
        peers.append(_peers(python, heard))
        for peer in peers[0]:
            spent = [one for round_ in peers for one in round_[peer]]
            found[peer] = {
                "n_tracks": len(spent),
                "tracks_per_s": 1.0 / statistics.median(one.seconds for one in spent),
                "processor_ms": 1e3 * statistics.median(one.processor_s for one in spent),
            }
    found["ratios"] = _ratios(found)
    return found


def _say(what: str, found: object) -> None:
    """Progress, for who waits."""
    print(f"{what}: {found}", file=sys.stderr, flush=True)


def _peers(python: Path | None, clips: Sequence[Path]) -> dict[str, list[Spent]]:
    """What each clip took by peer."""
    musicnn = {"musicnn": musicnn_package(python, clips)[0]} if python else {}
    return {**musicnn, "simple_loop": simple_loop(clips)}


def _ratios(found: dict[str, Any]) -> dict[str, float]:
    again, first = found["kafka_again"], found["kafka_features_on"]
    ratios = {"again_over_first": again["tracks_per_s"] / first["tracks_per_s"]}
    for features in ("features_off", "features_on"):
        for peer in ("musicnn", "simple_loop"):
            if peer in found:
                ratios |= _ratio(f"{features}_over_{peer}", found[f"kafka_{features}"], found[peer])
        for name in (features, f"same_work_{features}"):
            ours, alone = found[f"kafka_by_turns_{name}"], found[f"in_process_by_turns_{name}"]
            ratios |= _ratio(f"{name}_over_in_process", ours, alone)
    return ratios


def _ratio(name: str, ours: dict[str, Any], peer: dict[str, Any]) -> dict[str, float]:
    return {
        name: ours["tracks_per_s"] / peer["tracks_per_s"],
        f"{name}_by_processor_time": peer["processor_ms"] / ours["processor_ms"],
    }


def print_table(found: dict[str, Any]) -> None:
    """The same, to be read."""
    print(f"{found['machine']}; {found['date']}; clips of 30 s, Ogg Vorbis\n")
    print(f"{'':44}{'tracks':>8}{'tracks/s':>10}{'processor ms':>14}")
    for name, value in found.items():
        if isinstance(value, dict) and "tracks_per_s" in value:
            row = f"{value['n_tracks']:>8}{value['tracks_per_s']:>10.2f}{value['processor_ms']:>14.0f}"
            print(f"{name.replace('_', ' '):44}{row}")
    print("\nprocessor milliseconds a track, by process")
    for name, value in found.items():
        if isinstance(value, dict) and "by_process" in value:
            parts = ", ".join(f"{kind} {ms:.1f}" for kind, ms in value["by_process"].items())
            print(f"{name.replace('_', ' '):44}{parts}")
    print()
    for name, ratio in found["ratios"].items():
        promise = PROMISES.get(name)
        print(f"{name.replace('_', ' '):64}{ratio:8.2f}{f'   promised {promise:g}' if promise else ''}")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, required=True, help="folder of audio of 30 s and more")
    parser.add_argument("--tracks", type=int, default=1000)
    parser.add_argument("--kafka-home", type=Path, default=os.environ.get("KAFKA_HOME"))
    parser.add_argument("--musicnn-venv", type=Path, default=MUSICNN_VENV, help="where the package musicnn lives")
    parser.add_argument("--without-musicnn", action="store_true", help="spare the download of TensorFlow")
    arguments = parser.parse_args()
    musicnn_venv = None if arguments.without_musicnn else arguments.musicnn_venv
    found = measure(arguments.music, arguments.kafka_home, arguments.tracks, musicnn_venv)
    print_table(found)
    write("throughput", found)
    if any(found["ratios"].get(name, promise) < promise for name, promise in PROMISES.items()):
        sys.exit("a promise does not hold")


if __name__ == "__main__":
    main()
