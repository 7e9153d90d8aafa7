"""How long a killed worker's slot is silent: from SIGKILL to the first record that its successor has committed.

A supervisor starts the successor at once; submissions of known content come ten times a second, to all partitions.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
import psutil

from tests.broker.chaos.music import excerpts
from tests.broker.chaos.pipeline import Pipeline, pipeline
from tests.broker.chaos.submissions import Submissions
from workers.cli.ensembles import chosen_ensemble

ROLES = ("extractor", "classifier", "projector", "trends")
_GIVE_UP_AFTER_S = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--music", type=Path, default=os.environ.get("NEEDLEDROP_TEST_CLIPS"), required=False)
    parser.add_argument("--kafka-home", type=Path, default=os.environ.get("KAFKA_HOME"))
    parser.add_argument("--kills", type=int, default=5, help="of each role")
    chosen = parser.parse_args()
    if not (chosen.music and chosen.kafka_home):
        parser.error("name an unpacked Apache Kafka (KAFKA_HOME) and a folder of --music")
    chosen_ensemble()
    with tempfile.TemporaryDirectory(prefix="needledrop-recovery-") as name:
        folder = Path(name)
        clips = folder / "music"
        clips.mkdir()
        known = excerpts(chosen.music, clips, 4, np.random.default_rng(1))
        with pipeline(chosen.kafka_home, clips, folder) as running, running.fleet.supervised():
            stream = Submissions(running.kafka, known, iter(()), {}, random.Random(1), mix={"known": 1})
            _measure(running, stream, chosen.kills)
    return 0


def _measure(running: Pipeline, submissions: Submissions, n_kills: int) -> None:
    done = threading.Event()

    def submit() -> None:
        while not done.wait(0.1):
            submissions.publish(1)

    thread = threading.Thread(target=submit, daemon=True)
    thread.start()
    for role in ROLES:
        _wait_until_it_serves(running, role)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; seconds from SIGKILL to the first commit")
    for role in ROLES:
        silences, cpu = zip(*(_silence_s(running, role) for _ in range(n_kills)), strict=True)
        print(
            f"{role:<11} median {statistics.median(silences):.2f}  from {min(silences):.2f} to {max(silences):.2f}; "
            f"CPU of the successor until then {statistics.median(cpu):.2f}",
            flush=True,
        )
    done.set()
    thread.join()


def _silence_s(running: Pipeline, role: str) -> tuple[float, float]:
    """The silence, and the CPU time that the successor took for it."""
    time.sleep(2.0)
    began = time.monotonic()
    running.fleet.kill(role, 0)
    _wait_until_it_serves(running, role)
    silence_s = time.monotonic() - began
    times = psutil.Process(running.fleet.pid(role, 0)).cpu_times()
    return silence_s, times.user + times.system


def _wait_until_it_serves(running: Pipeline, role: str) -> None:
    port = running.fleet.http_ports[f"{role}-0"]
    deadline = time.monotonic() + _GIVE_UP_AFTER_S
    while not _n_committed(port):
        if time.monotonic() > deadline:
            raise SystemExit(f"{role}-0 has committed nothing for {_GIVE_UP_AFTER_S:.0f} s\n{running.fleet.words()}")
        time.sleep(0.02)


def _n_committed(port: int) -> float:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2.0) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return 0.0
    return sum(
        float(line.rpartition(" ")[2]) for line in lines if line.startswith("needledrop_stream_records_committed_total")
    )


if __name__ == "__main__":
    sys.exit(main())
