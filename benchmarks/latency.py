"""Seconds from submitting a track to reading its label, at several loads: `python -m benchmarks.latency`.

    KAFKA_HOME=kafka python -m benchmarks.latency --music FOLDER [--tracks 200]

First one track alone at a time, then as many as the pipeline can take (its capacity), then arrivals at random (Poisson)
at 25, 50 and 75 % of that. Everything that `needledrop up` runs, real Kafka, this machine's cores, clips of 30 s with
contents of their own. Writes ``benchmarks/results/latency.json``; exit code 1 when a promise does not hold.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.music import clips_of, distinct_copies
from benchmarks.pipeline import Pipeline, running_pipeline
from benchmarks.report import heading, write

LOADS: Final = (0.25, 0.5, 0.75)
N_ALONE: Final = 12
N_WARM_UP: Final = 48
PROMISED_AT: Final = "0.5"
PROMISES: Final = {"p99_over_p50": 3.0, "p50_over_alone": 2.0}


def latencies_s(pipeline: Pipeline, tracks: Sequence[Path], gaps_s: Sequence[float]) -> list[float]:
    """Submit each track ``gaps_s`` after the one before; how long each label took to be there."""
    submitted: dict[str, float] = {}
    began = time.monotonic()
    times_s = began + np.cumsum(gaps_s)

    def submit() -> None:
        with pipeline.submitter() as submitter:
            for track, at in zip(tracks, times_s, strict=True):
                time.sleep(max(0.0, at - time.monotonic()))
                event = pipeline.submission(track)
                # Behind is late for the track, too: it counts from when it should have been submitted.
                submitted[event.submission_id] = min(float(at), time.monotonic())
                submitter.submit(event)

    thread = threading.Thread(target=submit, daemon=True)
    thread.start()
    found = [at - submitted[submission] for submission, at in pipeline.outcomes(len(tracks))]
    thread.join()
    return found


def measure(music: Path, kafka_home: Path | None, n_tracks: int) -> dict[str, Any]:
    """All numbers of the table."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(prefix="needledrop-latency-") as name:
        folder = Path(name)
        clips = clips_of(music, folder / "clips")
        sizes = [N_WARM_UP, N_ALONE, max(n_tracks // 2, 1), *(n_tracks for _ in LOADS)]
        ends = np.cumsum(sizes)
        copies = distinct_copies(clips, folder / "music", int(ends[-1]))
        warm, alone, full, *loads = [copies[end - size : end] for end, size in zip(ends, sizes, strict=True)]
        with running_pipeline(folder / "music", folder / "state", kafka_home) as pipeline:
            pipeline.label_all(warm)
            alone_s = [second for track in alone for second in latencies_s(pipeline, [track], [0.0])]
            capacity = len(full) / pipeline.label_all(full)
            at_load = {}
            for load, tracks in zip(LOADS, loads, strict=True):
                gaps_s = rng.exponential(1.0 / (load * capacity), len(tracks))
                at_load[str(load)] = _percentiles_s(latencies_s(pipeline, tracks, gaps_s.tolist()))
    alone_p50_s = float(np.median(alone_s))
    promised = at_load[PROMISED_AT]
    return {
        **heading(),
        "n_tracks": n_tracks,
        "alone_p50_s": alone_p50_s,
        "capacity_tracks_per_s": capacity,
        "at_load": at_load,
        "ratios": {
            "p99_over_p50": promised["p99"] / promised["p50"],
            "p50_over_alone": promised["p50"] / alone_p50_s,
        },
    }


def _percentiles_s(seconds: Sequence[float]) -> dict[str, float]:
    return {f"p{percent}": float(np.percentile(seconds, percent)) for percent in (50, 95, 99)}


def print_table(found: dict[str, Any]) -> None:
    """The same, to be read."""
    print(f"{found['machine']}; {found['date']}; {found['n_tracks']} clips of 30 s at each load\n")
    print(f"{'seconds from submit to label':32}{'p50':>8}{'p95':>8}{'p99':>8}")
    print(f"{'one track alone':32}{found['alone_p50_s']:8.3f}")
    for load, at in found["at_load"].items():
        name = f"{float(load):.0%} of {found['capacity_tracks_per_s']:.1f} tracks/s"
        print(f"{name:32}{at['p50']:8.3f}{at['p95']:8.3f}{at['p99']:8.3f}")
    for name, ratio in found["ratios"].items():
        print(f"{name.replace('_', ' ')} at 50 %: {ratio:.2f}, promised at most {PROMISES[name]:g}")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, required=True, help="folder of audio of 30 s and more")
    parser.add_argument("--tracks", type=int, default=200, help="at each load")
    parser.add_argument("--kafka-home", type=Path, default=os.environ.get("KAFKA_HOME"))
    arguments = parser.parse_args()
    found = measure(arguments.music, arguments.kafka_home, arguments.tracks)
    print_table(found)
    write("latency", found)
    if any(found["ratios"][name] > promise for name, promise in PROMISES.items()):
        sys.exit("a promise does not hold")


if __name__ == "__main__":
    main()
