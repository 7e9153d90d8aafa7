"""`needledrop submit --music4all` over a synthetic copy of Music4All: `KAFKA_HOME=kafka python -m benchmarks.backfill`.

As many rows as the data set has, tiny audio (hard links to a few files). Once from the first row to the last, for rows
per second and memory; once killed in the middle and started again, for what is lost (nothing) and what comes twice (a
batch at most). Nobody labels meanwhile: the number of outstanding tracks is not limited. Writes
``benchmarks/results/backfill.json``; exit code 1 when a row is missing or memory is not flat.
"""

import argparse
import os
import random
import string
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.music4all import N_CLIPS
from benchmarks.report import heading, write
from schemas.topics import TOPICS, TRACKS_SUBMITTED
from shared.embedded.kafka_home import KafkaHome
from shared.kafka.admin import create_topics
from shared.kafka.ranges import RangeReader
from shared.settings.kafka import KafkaSettings

_N_PARTITIONS: Final = 12
_ID_CHARACTERS: Final = string.ascii_letters + string.digits
# File systems limit the links to one file: ext4 to 65,000.
_LINKS_A_FILE: Final = 20_000
_LOOK_EVERY_S: Final = 0.1
_AT_MOST_TWICE: Final = 500
_FLAT_MB: Final = 25.0
"""Ids that have been seen are held, 10 MB for all of Music4All; more would be a leak."""


def synthetic_copy(folder: Path, n_rows: int) -> list[str]:
    """Write the tables and the audio of a collection in Music4All's format. Returns: the ids."""
    chance = random.Random(1)
    ids = ["".join(chance.choices(_ID_CHARACTERS, k=16)) for _ in range(n_rows)]
    audios = folder / "audios"
    audios.mkdir(parents=True)
    for index, one in enumerate(ids):
        if index % _LINKS_A_FILE == 0:
            original = audios / f"{one}.mp3"
            original.write_bytes(b"ID3" + bytes(500))
        else:
            (audios / f"{one}.mp3").hardlink_to(original)
    columns: dict[str, tuple[str, Callable[[int], str]]] = {
        "id_information.csv": (
            "artist\tsong\talbum_name",
            lambda n: f"Artist {n % 16_000}\tSong {n}\tAlbum {n % 38_000}",
        ),
        "id_metadata.csv": (
            "spotify_id\tpopularity\trelease\tdanceability\tenergy\tkey\tmode\tvalence\ttempo\tduration_ms",
            lambda n: f"{n:022d}\t{n % 100}\t{1950 + n % 70}\t0.5\t0.5\t{n % 12}\t1\t0.5\t120.0\t200000",
        ),
        "id_genres.csv": ("genres", lambda n: f"rock,genre {n % 800}"),
        "id_tags.csv": ("tags", lambda n: ",".join(f"tag {(n * k) % 19_000}" for k in range(1, 9))),
        "id_lang.csv": ("lang", lambda n: "en" if n % 4 else "INTRUMENTAL"),
    }
    for name, (header, row) in columns.items():
        with (folder / name).open("w", encoding="utf-8") as file:
            file.write(f"id\t{header}\n")
            file.writelines(f"{one}\t{row(n)}\n" for n, one in enumerate(ids))
    return ids


class Submitting:
    """One run of the command, watched."""

    def __init__(self, folder: Path, state: Path, bootstrap: str) -> None:
        environment = {
            **os.environ,
            "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "NEEDLEDROP_STATE": str(state),
        }
        command = [sys.executable, "-m", "workers.cli.main", "submit", "--music4all", str(folder)]
        self.process = subprocess.Popen(
            [*command, "--outstanding", "1000000"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.began = time.monotonic()
        self.resident_mb: list[float] = []

    def watch(self) -> Iterator[None]:
        """Until it ends; notes its memory."""
        process = psutil.Process(self.process.pid)
        while self.process.poll() is None:
            try:
                self.resident_mb.append(process.memory_info().rss / 1e6)
            except psutil.NoSuchProcess:
                break
            yield
            time.sleep(_LOOK_EVERY_S)
        _, said = self.process.communicate()
        if self.process.returncode not in (0, -9):
            raise SystemExit(said.decode())


def measure(kafka_home: Path, n_rows: int) -> dict[str, Any]:
    """Both runs."""
    with tempfile.TemporaryDirectory(prefix="needledrop-backfill-") as name:
        folder = Path(name)
        ids = synthetic_copy(folder / "music4all", n_rows)
        whole = _whole_run(kafka_home, folder)
        return {**heading(), "n_rows": n_rows, **whole, "after_a_kill": _killed_run(kafka_home, folder, ids)}


def _whole_run(kafka_home: Path, folder: Path) -> dict[str, Any]:
    with KafkaHome(kafka_home, folder / "kafka-1") as kafka, closing(_topic(kafka)) as topic:
        run = Submitting(folder / "music4all", folder / "state-1", kafka.bootstrap_servers)
        counts = [(time.monotonic(), _n_submitted(topic)) for _ in run.watch()]
        n_rows, ended = _n_submitted(topic), time.monotonic()
        first_at, n_first = next((at, n) for at, n in counts if n)
        index = counts.index((first_at, n_first))
        return {
            "seconds": ended - run.began,
            "seconds_until_the_first_row": first_at - run.began,
            "rows_per_s": (n_rows - n_first) / (ended - first_at),
            "resident_mb": {"first": run.resident_mb[index], "largest": max(run.resident_mb)},
        }


def _killed_run(kafka_home: Path, folder: Path, ids: list[str]) -> dict[str, Any]:
    with KafkaHome(kafka_home, folder / "kafka-2") as kafka, closing(_topic(kafka)) as topic:
        first = Submitting(folder / "music4all", folder / "state-2", kafka.bootstrap_servers)
        for _ in first.watch():
            if _n_submitted(topic) >= len(ids) // 2:
                first.process.kill()
        killed_at = _n_submitted(topic)
        for _ in Submitting(folder / "music4all", folder / "state-2", kafka.bootstrap_servers).watch():
            pass
        keys = Counter(
            record.key_text
            for partition, (low, high) in topic.bounds(TRACKS_SUBMITTED.name).items()
            for record in topic.between(TRACKS_SUBMITTED.name, partition, low, high)
        )
        return {
            "killed_at_row": killed_at,
            "missing": len(set(ids) - keys.keys()),
            "unknown": len(keys.keys() - set(ids)),
            "twice": sum(n - 1 for n in keys.values()),
        }


def _topic(kafka: KafkaHome) -> RangeReader:
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
    create_topics(settings, TOPICS, n_partitions=_N_PARTITIONS, replication=1)
    return RangeReader(settings)


def _n_submitted(topic: RangeReader) -> int:
    return sum(high - low for low, high in topic.bounds(TRACKS_SUBMITTED.name).values())


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=N_CLIPS)
    parser.add_argument("--kafka-home", type=Path, default=os.environ.get("KAFKA_HOME"))
    arguments = parser.parse_args()
    if arguments.kafka_home is None:
        parser.error("KAFKA_HOME (or --kafka-home) must name an unpacked Apache Kafka")
    found = measure(arguments.kafka_home, arguments.rows)
    memory, killed = found["resident_mb"], found["after_a_kill"]
    print(f"{found['machine']}; {found['n_rows']:,} rows in {found['seconds']:.1f} s")
    print(f"the first after {found['seconds_until_the_first_row']:.1f} s, then {found['rows_per_s']:,.0f} rows/s")
    print(f"memory {memory['first']:.0f} MB at the first row, {memory['largest']:.0f} MB at most")
    print(
        f"killed at row {killed['killed_at_row']:,} and gone on: {killed['missing']} missing, {killed['twice']} twice"
    )
    write("backfill", found)
    if killed["missing"] or killed["unknown"] or killed["twice"] > _AT_MOST_TWICE:
        sys.exit("the run that was killed has not gone on where it stopped")
    if memory["largest"] - memory["first"] > _FLAT_MB:
        sys.exit("memory is not flat")


if __name__ == "__main__":
    main()
