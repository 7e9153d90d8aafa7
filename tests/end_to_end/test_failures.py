"""Failures, their replays and what these race with, and the views after Redis has lost everything."""

import http.server
import json
import os
import random
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from typer.testing import CliRunner

from schemas.events import TrackFailed, TrackLabeled, TrackSubmitted
from schemas.origin import Position
from schemas.topics import TRACKS_LABELED, TRACKS_SUBMITTED
from shared.embedded.ports import free_port
from shared.kafka.ranges import RangeReader
from shared.kafka.records import Record
from shared.kafka.submitting import Submitter
from shared.redis.views import TrackViews, View, ViewKind
from shared.settings.redis import RedisSettings
from workers.cli.main import app

WITHIN_S = 90.0
# Tracks over which replays, submissions and deletions race; each is an interleaving of its own.
N_RACES = int(os.environ.get("NEEDLEDROP_TEST_RACES", "40"))


def needledrop(pipeline: Any, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    """What a command prints when its output is piped."""
    done = CliRunner().invoke(app, arguments, env=pipeline.stack.environment())
    assert done.exit_code == code, done.output
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def records_of(pipeline: Any, topic: str) -> Iterator[Record]:
    reader = RangeReader(pipeline.kafka)
    try:
        for partition, (low, high) in reader.bounds(topic).items():
            yield from reader.between(topic, partition, low, high)
    finally:
        reader.close()


def test_a_replay_after_the_cause_is_gone_labels_the_track_once(pipeline: Any, write_tune: Any, music: Path) -> None:
    track = f"late-{pipeline.stack.embedded}.ogg"
    [first] = pipeline.submit((track, (music / track).as_uri()))
    pipeline.outcomes([first], within_s=WITHIN_S)
    [listed] = needledrop(pipeline, "failures", "list", "--track", track, "--reason", "not_found", "--since", "1h")
    assert listed["submission"]["submission_id"] == first
    place = listed["coordinates"]
    by_place = f"{place['topic']}:{place['partition']}:{place['offset']}"
    assert needledrop(pipeline, "failures", "show", track) == [listed]
    assert needledrop(pipeline, "failures", "show", by_place) == [listed]

    [failed_again] = needledrop(pipeline, "failures", "replay", "--track", track)
    failure = pipeline.outcomes([failed_again["submission_id"]], within_s=WITHIN_S)[failed_again["submission_id"]]
    assert isinstance(failure, TrackFailed)
    assert failure.submission
    assert (failure.reason, failure.submission.replay_of) == ("not_found", first)
    write_tune(track, seed=500)
    [replay] = needledrop(pipeline, "failures", "replay", "--track", track)
    label = pipeline.outcomes([replay["submission_id"]], within_s=WITHIN_S)[replay["submission_id"]]

    assert isinstance(label, TrackLabeled)
    assert replay["replay_of"] == label.submission.replay_of == first
    pipeline.eventually(lambda: pipeline.view(track).kind is ViewKind.LABEL)
    assert needledrop(pipeline, "failures", "replay", "--track", track) == []
    assert [record.key_text for record in records_of(pipeline, TRACKS_LABELED.name)].count(track) == 1


@contextmanager
def serving(folder: Path, port: int) -> Iterator[None]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


def test_replays_go_on_until_an_unreachable_host_is_back(own_pipeline: Any, write_tune: Any, music: Path) -> None:
    write_tune("hosted.ogg", seed=501)
    port = free_port()
    settings = {"NEEDLEDROP_EXTRACTOR_RETRY_BUDGET_S": "0", "NEEDLEDROP_MEDIA_ALLOW_PRIVATE_ADDRESSES": "true"}
    with own_pipeline(**settings) as pipeline:
        [first] = pipeline.submit(("hosted", f"http://127.0.0.1:{port}/hosted.ogg?signature=secret"))
        failure = pipeline.outcomes([first], within_s=WITHIN_S)[first]
        assert failure.reason == "unreachable"
        assert "secret" not in failure.to_json().decode()

        needledrop(pipeline, "failures", "replay", "--every", "1s", "--attempts", "2", code=1)
        command = [sys.executable, "-m", "workers.cli.main", "failures", "replay", "--every", "1s", "--attempts", "60"]
        environment = {**os.environ, **pipeline.stack.environment()}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as replaying:
            assert replaying.stdout
            replays = [json.loads(replaying.stdout.readline())["submission_id"] for _ in range(2)]
            with serving(music, port):
                rest, _ = replaying.communicate(timeout=WITHIN_S)

    assert replaying.returncode == 0
    *more, summary = rest.splitlines()
    assert summary == "1 labeled"
    assert len({first, *replays, *more}) == 3 + len(more)


@dataclass
class Race:
    """Submissions, replays and deletions of one track, in an order that only the topic knows."""

    track_id: str
    uri: str
    first: str
    events: list[TrackSubmitted] = field(default_factory=list)

    def an_event(self, replay_of: str | None = None) -> TrackSubmitted:
        event = TrackSubmitted(
            track_id=self.track_id,
            uri=self.uri,
            submission_id=str(uuid.uuid4()),
            submitted_at=datetime.now(UTC),
            replay_of=replay_of,
        )
        self.events.append(event)
        return event


def run_races(pipeline: Any, races: list[Race], seed: int) -> None:
    """Replays, new submissions and deletions of all tracks, mixed at random, while the pipeline works on them."""
    rng = random.Random(seed)
    moves = [
        (race, kind)
        for race in races
        for kind in ["replay", *rng.choices(["replay", "submit", "delete"], weights=[3, 4, 2], k=3)]
    ]
    rng.shuffle(moves)
    with Submitter(pipeline.kafka) as submitter:
        for race, kind in moves:
            if kind == "delete":
                submitter.delete(race.track_id)
            else:
                submitter.submit(race.an_event(replay_of=race.first if kind == "replay" else None))
            time.sleep(rng.choice([0, 0, 0, 0.05]))


@pytest.mark.timeout(120 + N_RACES)
@pytest.mark.parametrize("seed", [20261124])
def test_a_replay_that_something_newer_overtook_is_superseded_and_the_newest_has_the_last_word(
    pipeline: Any, write_tune: Any, music: Path, seed: int
) -> None:
    path = music / f"racing-{seed}-{pipeline.stack.embedded}.ogg"
    tracks = [f"race/{i}" for i in range(N_RACES)]
    firsts = pipeline.submit(*((track, path.as_uri()) for track in tracks))
    failed = pipeline.outcomes(firsts, within_s=WITHIN_S + N_RACES / 2)
    assert {outcome.reason for outcome in failed.values()} == {"not_found"}
    write_tune(path.name, seed=502)
    races = {track: Race(track, path.as_uri(), first) for track, first in zip(tracks, firsts, strict=True)}

    run_races(pipeline, list(races.values()), seed)
    outcomes = pipeline.outcomes(
        [e.submission_id for race in races.values() for e in race.events], within_s=WITHIN_S + N_RACES / 2
    )

    newest = dict.fromkeys(tracks, "")
    n_overtaken = n_valid = 0
    for record in records_of(pipeline, TRACKS_SUBMITTED.name):
        if record.key_text not in races:
            continue
        event = TrackSubmitted.from_json(record.value) if record.value else None
        if event is None or not event.conditional:
            newest[record.key_text] = event.submission_id if event else "deleted"
        elif event.replay_of != newest[record.key_text]:
            outcome = outcomes[event.submission_id]
            assert isinstance(outcome, TrackFailed), (seed, event.track_id)
            assert outcome.reason == "superseded"
            n_overtaken += 1
        else:
            n_valid += 1
    assert n_overtaken >= N_RACES / 4, "there was no race"
    assert n_valid >= N_RACES / 4, "there was no race"

    def last_words() -> dict[str, str]:
        found = {}
        for record in records_of(pipeline, TRACKS_LABELED.name):
            if record.key_text in races:
                label = TrackLabeled.from_json(record.value).submission if record.value else None
                found[record.key_text] = (label.replay_of or label.submission_id) if label else "deleted"
        return found

    pipeline.eventually(lambda: last_words() == newest, within_s=30.0)  # tombstones have no outcome to wait for

    def shown(track: str) -> str:
        view = pipeline.view(track)
        return TrackLabeled.from_json(view.value).submission.submission_id if view else "deleted"

    labels = {track: outcome.submission_id for track, outcome in newest_labels(pipeline, tracks).items()}
    pipeline.eventually(lambda: all(shown(track) == labels.get(track, "deleted") for track in tracks), within_s=30.0)


def newest_labels(pipeline: Any, tracks: list[str]) -> dict[str, Any]:
    """The submission of the last label of each track that is not deleted."""
    found: dict[str, Any] = {}
    for record in records_of(pipeline, TRACKS_LABELED.name):
        if record.key_text in tracks:
            found.pop(record.key_text, None)
            if record.value:
                found[record.key_text] = TrackLabeled.from_json(record.value).submission
    return found


def views_of(pipeline: Any) -> dict[str, View | None]:
    views = TrackViews(RedisSettings(url=pipeline.stack.redis_url))
    return {track: view for track in views.track_ids() if (view := views.get(track))}


def test_cache_rebuild_brings_back_the_views_that_there_were(pipeline: Any, write_tune: Any, music: Path) -> None:
    path = write_tune("remembered.ogg", seed=503)
    submissions = pipeline.submit(
        ("remembered/1", path.as_uri()), ("remembered/2", path.as_uri()), ("remembered/3", (music / "no").as_uri())
    )
    pipeline.outcomes(submissions, within_s=WITHIN_S)
    pipeline.delete("remembered/2")
    pipeline.tombstone("remembered/2", within_s=WITHIN_S)
    pipeline.eventually(lambda: pipeline.view("remembered/2") is None and pipeline.view("remembered/3"))
    before = views_of(pipeline)
    kinds = {track: view.kind for track, view in before.items() if view and track.startswith("remembered/")}
    assert kinds == {"remembered/1": ViewKind.LABEL, "remembered/3": ViewKind.FAILURE}

    redis = Redis.from_url(pipeline.stack.redis_url)
    redis.flushall()
    redis.close()
    assert views_of(pipeline) == {}
    stale = View("never-submitted", Position(1, 1), ViewKind.LABEL, b"{}")
    TrackViews(RedisSettings(url=pipeline.stack.redis_url)).write([stale])
    [said] = needledrop(pipeline, "cache", "rebuild")

    assert views_of(pipeline) == before
    assert said["removed"] == 1
    assert said["written"] >= len(before)
    # What the extractor had noted is gone, too: it reads it again before it judges a replay.
    [replay] = needledrop(pipeline, "failures", "replay", "--track", "remembered/3")
    outcome = pipeline.outcomes([replay["submission_id"]], within_s=WITHIN_S)[replay["submission_id"]]
    assert outcome.reason == "not_found"
