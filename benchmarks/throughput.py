"""Tracks a second from submitted event to committed label on a real Kafka, beside others.

    KAFKA_HOME=kafka python -m benchmarks.throughput --music FOLDER [--tracks 1000]

Clips of 30 s, as many different contents as tracks, everything that `needledrop up` runs, on this machine's cores:

* Kafka, the twelve features on; then the same contents again under other ids; then others with the features off;
* the same work in one process without Kafka (`needledrop label`), features on and off. A machine that others use, too,
  becomes slower and faster by a quarter within minutes, so both are measured again and again: a pipeline for all the
  tracks, and two more for half of them, each between two runs in one process; the ratio is the median of the three;
* the package musicnn, and librosa with the graphs as published on stock ONNX Runtime, each in a simple loop, before and
  after; medians over clips.

In process nobody counts trends or keeps a catalogue, as `up` does: the pipeline is measured with those two workers and,
three times more, without them, and only without them is it the same work.

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
from pathlib import Path
from typing import Any, Final

from benchmarks.census import processor_s, rates
from benchmarks.music import clips_of, distinct_copies
from benchmarks.peers import MUSICNN_VENV, Spent, musicnn_environment, musicnn_package, simple_loop
from benchmarks.pipeline import Pipeline, running_pipeline
from benchmarks.report import heading, write
from schemas.errors import TrackError
from workers.cli.in_process import labels_of
from workers.cli.stack import WORKERS
from workers.cli.tracks import tracks_of

PROMISES: Final = {
    "features_off_over_musicnn": 25.0,
    "features_on_over_musicnn": 20.0,
    "features_off_over_in_process": 0.9,
    "features_on_over_in_process": 0.9,
    "same_work_features_off_over_in_process": 0.9,
    "same_work_features_on_over_in_process": 0.9,
    "again_over_first": 10.0,
}
N_WARM_UP: Final = 48  # Java compiles what is used often
N_PEER_CLIPS: Final = 4
N_ROUNDS: Final = 3  # a pipeline, between two runs in process
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

    def ours(self, few: int, *, features: bool) -> dict[str, dict[str, Any]]:
        """All of ours with, or without, the features; many tracks for what has Kafka, since Java warms up slowly."""
        name = "features_on" if features else "features_off"
        half = max(self._n_tracks // 2, 1)
        alone = [self.in_process(few, features=features)]

        def between(pipeline: dict[str, Any]) -> dict[str, Any]:
            alone.append(self.in_process(few, features=features))
            return {**pipeline, "beside": _together(alone[-2:])}

        first = self.pipeline(self._n_tracks, features=features, again=features)
        again = {"kafka_again": first.pop("again")} if features else {}
        rounds = [between(first)]
        rounds += [between(self.pipeline(half, features=features)) for _ in range(N_ROUNDS - 1)]
        same_work = [between(self.pipeline(half, features=features, workers=SAME_WORK)) for _ in range(N_ROUNDS)]
        return {
            f"kafka_{name}": {**_together(rounds), "rounds": rounds},
            **again,
            f"kafka_same_work_{name}": {**_together(same_work), "rounds": same_work},
            f"in_process_{name}": _together(alone),
        }

    def pipeline(
        self, n_tracks: int, *, features: bool, again: bool = False, workers: Sequence[str] = WORKERS
    ) -> dict[str, Any]:
        """Tracks a second through the pipeline of ``workers``, and what each kind of process used for a track."""
        music = self._folder / "music"
        warm, tracks = self._tracks(N_WARM_UP), self._tracks(n_tracks)
        state = self._folder / f"state-{self._n_made}"
        settings = {} if features else _OFF
        with running_pipeline(music, state, self._kafka_home, workers=workers, **settings) as pipeline:
            pipeline.label_all(warm)
            found = _timed(pipeline, tracks)
            if again:
                found["again"] = _timed(pipeline, tracks)
            return found

    def in_process(self, n_tracks: int, *, features: bool) -> dict[str, Any]:
        """The same without Kafka and Redis, on all cores."""
        names = [str(track) for track in self._tracks(n_tracks + N_WARM_UP // 4)]
        with labels_of(tracks_of(names), [self._folder], None, features=features) as labels:
            began, used_before = 0.0, {"own": 0.0}
            for index, outcome in enumerate(labels.outcomes):
                if isinstance(outcome.labeled, TrackError):
                    raise SystemExit(f"{outcome.track.track_id}: {outcome.labeled}")
                if index == len(names) - n_tracks - 1:
                    began, used_before = time.monotonic(), _own_and_children_s()
            return rates(n_tracks, time.monotonic() - began, used_before, _own_and_children_s())

    def _tracks(self, n: int) -> list[Path]:
        first, self._n_made = self._n_made, self._n_made + n
        return distinct_copies(self._clips, self._folder / "music", n, first=first)


def _timed(pipeline: Pipeline, tracks: Sequence[Path]) -> dict[str, Any]:
    before = processor_s()
    seconds = pipeline.label_all(tracks)
    return rates(len(tracks), seconds, before, processor_s())


def _together(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Several runs as one, each with the weight of its tracks."""
    weights = [run["n_tracks"] for run in runs]
    kinds = {kind for run in runs for kind in run["by_process"]}
    return {
        "n_tracks": sum(weights),
        "tracks_per_s": statistics.harmonic_mean([run["tracks_per_s"] for run in runs], weights),
        "processor_ms": statistics.fmean([run["processor_ms"] for run in runs], weights),
        "by_process": {
            kind: statistics.fmean([run["by_process"].get(kind, 0.0) for run in runs], weights)
            for kind in sorted(kinds)
        },
    }


def _own_and_children_s() -> dict[str, float]:
    return {"own": time.process_time(), **processor_s()}


def measure(music: Path, kafka_home: Path | None, n_tracks: int, musicnn_venv: Path | None) -> dict[str, Any]:
    """All numbers of the table; without an environment for it the package musicnn is left out."""
    python = musicnn_environment(musicnn_venv) if musicnn_venv else None
    with tempfile.TemporaryDirectory(prefix="needledrop-throughput-") as name:
        folder = Path(name)
        clips = clips_of(music, folder / "clips")
        heard = [clips[i * len(clips) // N_PEER_CLIPS] for i in range(min(N_PEER_CLIPS, len(clips)))]
        found: dict[str, Any] = {**heading(), "n_clips": len(clips)}
        bench = Bench(clips, folder, kafka_home, n_tracks)
        few = max(n_tracks // 4, 1)
        peers = [_peers(python, heard)]
        _say("peers, first time", peers[0])
        for features in (True, False):
            ours = bench.ours(few, features=features)
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
    first = found["kafka_features_on"]["rounds"][0]
    ratios = {"again_over_first": found["kafka_again"]["tracks_per_s"] / first["tracks_per_s"]}
    for features in ("features_off", "features_on"):
        ours, same_work = found[f"kafka_{features}"], found[f"kafka_same_work_{features}"]
        for peer in ("musicnn", "simple_loop"):
            ratios |= _ratio(f"{features}_over_{peer}", [(ours, found[peer])]) if peer in found else {}
        for name, of in ((features, ours), (f"same_work_{features}", same_work)):
            ratios |= _ratio(f"{name}_over_in_process", [(one, one["beside"]) for one in of["rounds"]])
    return ratios


def _ratio(name: str, pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> dict[str, float]:
    """Of ours and a peer's that were measured beside each other; the median of several."""
    return {
        name: statistics.median(ours["tracks_per_s"] / peer["tracks_per_s"] for ours, peer in pairs),
        f"{name}_by_processor_time": statistics.median(
            peer["processor_ms"] / ours["processor_ms"] for ours, peer in pairs
        ),
    }


def print_table(found: dict[str, Any]) -> None:
    """The same, to be read."""
    print(f"{found['machine']}; {found['date']}; clips of 30 s, Ogg Vorbis\n")
    print(f"{'':28}{'tracks':>8}{'tracks/s':>10}{'processor ms':>14}")
    for name, value in found.items():
        if isinstance(value, dict) and "tracks_per_s" in value:
            row = f"{value['n_tracks']:>8}{value['tracks_per_s']:>10.2f}{value['processor_ms']:>14.0f}"
            print(f"{name.replace('_', ' '):28}{row}")
    print("\nprocessor milliseconds a track, by process")
    for name in (
        "kafka_features_on",
        "kafka_features_off",
        "kafka_again",
        "in_process_features_on",
        "in_process_features_off",
    ):
        parts = ", ".join(f"{kind} {ms:.1f}" for kind, ms in found[name]["by_process"].items())
        print(f"{name.replace('_', ' '):26}{parts}")
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
