"""A new ensemble on a running pipeline, in the runbook's order, while tracks come in and workers are killed.

Bulk submits and relabels keep their promise to live tracks meanwhile. Two hundred tracks; NEEDLEDROP_TEST_RELABELS=2000
for the long form.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import Message

from schemas.events import TrackLabeled
from schemas.topics import TRACKS_FAILED, TRACKS_FEATURES, TRACKS_LABELED, TRACKS_SUBMITTED
from shared.kafka.names import CLASSIFIER, EXTRACTOR, PROJECTOR
from shared.kafka.ranges import RangeReader
from shared.kafka.records import Record, record_of
from shared.outcomes import origin_of
from shared.settings.kafka import KafkaSettings
from tests.broker.chaos.invariants import last_words, views_equal_topics
from tests.broker.chaos.music import excerpts
from tests.broker.chaos.pipeline import Pipeline, pipeline
from tests.broker.harness.accidents import Chaos
from tests.broker.harness.census import Census, Invariant
from tests.broker.harness.fleet import Role
from tests.broker.harness.lags import lag_of, no_lag, places_of
from tests.broker.harness.live import LiveSource
from workers.cli.ensembles import chosen_ensemble

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]

N_TRACKS = int(os.environ.get("NEEDLEDROP_TEST_RELABELS", "200"))
N_KILLS = max(3, N_TRACKS // 100)
N_FILES = 6
OUTSTANDING = 40
# What waits between extractor and classifier: so many offsets in each of four partitions, a track one or two of them.
BACKLOG_LIMIT = 10
N_BEHIND = OUTSTANDING + 4 * BACKLOG_LIMIT
REST_WITHIN_S = 120.0 + N_TRACKS / 10
Eventually = Callable[..., None]


@pytest.fixture
def other_ensemble(tmp_path: Path) -> Path:
    """The default one under another version, so its results are its own."""
    _, default = chosen_ensemble()
    folder = tmp_path / "other"
    folder.mkdir()
    for file in default.iterdir():
        (folder / file.name).hardlink_to(file)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").unlink()
    (folder / "manifest.json").write_text(json.dumps(manifest | {"version": "other"}))
    return folder


@pytest.fixture
def files(some_music: Path, tmp_path: Path) -> list[Path]:
    folder = tmp_path / "music"
    folder.mkdir()
    return excerpts(some_music, folder, N_FILES, np.random.default_rng(2))


@pytest.fixture
def running(kafka_home: Path, files: list[Path], tmp_path: Path) -> Iterator[Pipeline]:
    members = {"extractor": 1, "classifier": 1, "projector": 1}
    limit = {"NEEDLEDROP_KAFKA_BACKLOG_LIMIT": str(BACKLOG_LIMIT)}
    with pipeline(kafka_home, files[0].parent, tmp_path, members=members, more_settings=limit) as started:
        yield started


def command(running: Pipeline, state: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": running.kafka.bootstrap_servers,
        "NEEDLEDROP_REDIS_URL": running.redis.url,
        "NEEDLEDROP_STATE": str(state / "state"),
        "NEEDLEDROP_MODELS_ENSEMBLE": str(state / "other"),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "workers.cli.main", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(process: subprocess.Popen[str]) -> dict[str, int]:
    out, said = process.communicate(timeout=REST_WITHIN_S)
    assert process.returncode == 0, said
    found: dict[str, int] = json.loads(out)
    return found


def test_rollout_leaves_one_newest_label_of_the_new_ensemble_for_each_track(
    running: Pipeline,
    files: list[Path],
    other_ensemble: Path,
    tmp_path: Path,
    census: Callable[..., Census],
    eventually: Eventually,
) -> None:
    bulk_ids = [f"bulk-{n}" for n in range(N_TRACKS)]
    topics = [TRACKS_LABELED.name, TRACKS_FAILED.name]
    counting = census(running.kafka.bootstrap_servers, topics, submission_of)
    with running.fleet.supervised():
        with LiveSource(running.kafka, files, every_s=0.3, known_ids=bulk_ids) as live:
            submit_in_bulk(running, bulk_ids, files, tmp_path, counting, live)
            with side_by_side(running, other_ensemble, eventually):
                for _ in range(2):
                    running.fleet.kill_one(random.Random(len(counting.counts)))
                    some_more(counting, 10)
            written = {n: end for n, (_, end) in places_of(running.kafka, CLASSIFIER, TRACKS_FEATURES.name).items()}
            eventually(has_labeled(running.kafka, written), REST_WITHIN_S, more=running.fleet.words)
            relabel_with_a_kill(running, tmp_path, counting)
        at_rest = [counting.exactly_once(submitted(running.kafka)), *no_lags(running.kafka)]
        for invariant in [*at_rest, views_equal_topics(running.kafka, running.redis)]:
            eventually(invariant, REST_WITHIN_S, more=running.fleet.words)

    newest = {track: label_of(shown.topic, shown.value) for track, shown in last_words(running.kafka).items()}
    assert newest.keys() == set(bulk_ids) | live.track_ids
    assert Counter(label.versions.ensemble for label in newest.values()) == {"other": len(newest)}
    assert kept_by_compaction(running.kafka) == {track: label.labeled_at for track, label in newest.items()}
    assert answer(command(running, tmp_path, "relabel", "--dry-run"))["submitted"] == 0


def say(figures: str) -> None:
    """With -s."""
    print(figures)  # noqa: T201


def submission_of(message: Message) -> str:
    return origin_of(record_of(message)).submission_id


def submit_in_bulk(
    running: Pipeline, track_ids: list[str], files: list[Path], folder: Path, census: Census, live: LiveSource
) -> None:
    """`submit --jsonl`, beside the live source, which waits behind no more than is promised."""
    rows = folder / "bulk.jsonl"
    lines = (json.dumps({"track_id": one, "uri": files[n % N_FILES].as_uri()}) for n, one in enumerate(track_ids))
    rows.write_text("\n".join(lines))
    some_more(census, 1)  # live ones: all workers are at work
    process = command(running, folder, "submit", "--jsonl", str(rows), "--outstanding", str(OUTSTANDING))
    lags = []
    while process.poll() is None:
        lags.append(lag_of(running.kafka, EXTRACTOR, [TRACKS_SUBMITTED.name]))
        time.sleep(0.05)
    assert answer(process) == {"submitted": len(track_ids), "skipped": 0}
    deadline = time.monotonic() + REST_WITHIN_S
    while census.counts.total() < len(track_ids) + len(live.submission_ids) - 2:
        assert time.monotonic() < deadline, "the bulk is not labeled in time"
        time.sleep(0.1)
    waited_behind = n_ended_meanwhile(running.kafka, "live-")
    say(f"bulk: lag at most {max(lags)}; live tracks waited behind {sorted(waited_behind)[-5:]} others at most")
    # Unbounded, all of the bulk would wait at once.
    assert max(lags) <= OUTSTANDING + len(live.submission_ids)
    assert max(waited_behind) <= N_BEHIND


@contextmanager
def side_by_side(running: Pipeline, ensemble: Path, eventually: Eventually) -> Iterator[None]:
    """New workers beside old ones; the old ones leave when both have labeled."""
    fleet = running.fleet
    for stage in ("classifier", "extractor"):
        settings = {"NEEDLEDROP_MODELS_ENSEMBLE": str(ensemble), "NEEDLEDROP_KAFKA_SLOT": "new-0"}
        old = running.roles[stage]
        new = Role(f"new-{stage}", old.command, {**old.environment, **settings}, has_slots=False)
        fleet.scale(new, 1)
    began = time.time()
    for stage in ("classifier", "extractor"):
        eventually(lambda stage=stage: is_at_work(fleet.http_ports[f"new-{stage}-0"]), REST_WITHIN_S, more=fleet.words)
    yield
    eventually(both_have_labeled(running.kafka, began), REST_WITHIN_S, more=fleet.words)
    for stage in ("classifier", "extractor"):
        fleet.scale(running.roles[stage], 0)


def is_at_work(port: int) -> str | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2.0) as page:
            lines = page.read().decode().splitlines()
    except OSError as error:
        return str(error)
    committed = sum(
        float(line.rpartition(" ")[2]) for line in lines if line.startswith("needledrop_stream_records_committed_total")
    )
    return None if committed else "nothing committed yet"


def some_more(census: Census, n: int) -> None:
    deadline, before = time.monotonic() + REST_WITHIN_S, census.counts.total()
    while census.counts.total() < before + n:
        assert time.monotonic() < deadline, "no more outcomes"
        time.sleep(0.05)


def relabel_with_a_kill(running: Pipeline, folder: Path, census: Census) -> None:
    """`relabel`, killed in between and started again, while workers are killed."""
    options = ("relabel", "--outstanding", str(OUTSTANDING))
    first = command(running, folder, *options)
    deadline = time.monotonic() + REST_WITHIN_S
    while relabels(running.kafka) < N_TRACKS // 3:
        assert first.poll() is None, first.communicate()
        assert time.monotonic() < deadline, "relabel submits nothing"
        time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    second = command(running, folder, *options)
    accidents = Chaos(3, [(running.fleet.kill_one, N_KILLS)], pauses_s=(0.2, 1.5))
    accidents.run(after_each=lambda: some_more(census, 5))
    found = answer(second)
    say(f"relabel, after its kill: {found}; {relabels(running.kafka)} relabels of {N_TRACKS}\n{accidents}")
    assert found["gone"] == 0


def records_of(settings: KafkaSettings, topic: str) -> Iterator[Record]:
    with closing(RangeReader(settings)) as reader:
        for partition, (low, high) in reader.bounds(topic).items():
            yield from reader.between(topic, partition, low, high)


def submitted(settings: KafkaSettings) -> list[str]:
    return [json.loads(record.value or b"")["submission_id"] for record in records_of(settings, TRACKS_SUBMITTED.name)]


def relabels(settings: KafkaSettings) -> int:
    return sum(b'"relabel_of"' in (record.value or b"") for record in records_of(settings, TRACKS_SUBMITTED.name))


def has_labeled(settings: KafkaSettings, up_to: Mapping[int, int]) -> Invariant:
    """What extractors wrote until then is labeled."""

    def check() -> str | None:
        places = places_of(settings, CLASSIFIER, TRACKS_FEATURES.name)
        behind = [partition for partition, (committed, _) in places.items() if committed < up_to[partition]]
        return f"old extractors' features in partitions {behind} are not labeled" if behind else None

    return check


def no_lags(settings: KafkaSettings) -> list[Invariant]:
    return [
        no_lag(settings, EXTRACTOR, [TRACKS_SUBMITTED.name]),
        no_lag(settings, CLASSIFIER, [TRACKS_FEATURES.name]),
        no_lag(settings, PROJECTOR, [TRACKS_LABELED.name, TRACKS_FAILED.name]),
    ]


def n_ended_meanwhile(settings: KafkaSettings, prefix: str) -> list[int]:
    """For each track of ``prefix`` how many outcomes came between its submission and its own, by Kafka's clock."""
    outcomes = [(one.timestamp_ms, one.key_text) for one in records_of(settings, TRACKS_LABELED.name)]
    taken = {record.key_text: record.timestamp_ms for record in records_of(settings, TRACKS_SUBMITTED.name)}
    ends = {track: at for at, track in outcomes if track.startswith(prefix)}
    return [sum(taken[track] < at < end for at, _ in outcomes) for track, end in ends.items()]


def both_have_labeled(settings: KafkaSettings, since: float) -> Invariant:
    """Labels of both ensembles have come since then."""

    def check() -> str | None:
        labels = [label_of(record.topic, record.value) for record in records_of(settings, TRACKS_LABELED.name)]
        found = Counter(one.versions.ensemble for one in labels if one.labeled_at.timestamp() > since)
        return None if len(found) == 2 else f"only {dict(found)}"

    return check


def label_of(topic: str, value: bytes | None) -> TrackLabeled:
    assert topic == TRACKS_LABELED.name, value
    return TrackLabeled.from_json(value or b"")


def kept_by_compaction(settings: KafkaSettings) -> dict[str, object]:
    """Of each key the last record in the log."""
    return {
        record.key_text: label_of(record.topic, record.value).labeled_at
        for record in records_of(settings, TRACKS_LABELED.name)
    }
