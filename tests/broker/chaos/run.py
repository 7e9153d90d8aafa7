"""One chaos run: submissions, accidents, rest, and what must hold then."""

import itertools
import random
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from confluent_kafka import Message

from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.kafka.records import record_of
from shared.outcomes import origin_of
from tests.broker.chaos.invariants import no_lags, trends_at, trends_equal_topics, views_equal_topics
from tests.broker.chaos.music import bad_files, excerpts
from tests.broker.chaos.pipeline import N_MEMBERS, SESSION_TIMEOUT_S, Pipeline, pipeline
from tests.broker.chaos.submissions import MIX, Submissions
from tests.broker.harness.accidents import Act, Chaos
from tests.broker.harness.census import Census, Invariant
from workers.cli.ensembles import chosen_ensemble

N_KNOWN = 12
SOME_OF_A_SHARE = 0.3
SOME_WITHIN_S = 30.0
WRITERS = ("extractor", "classifier")  # whose zombies could write twice
FROZEN_S = SESSION_TIMEOUT_S + 2.0


@dataclass(frozen=True)
class Plan:
    """How much of everything."""

    seed: int
    n_events: int
    n_kills: int
    n_freezes: int
    n_broker_kills: int
    n_redis_kills: int
    scales: tuple[int, ...]
    """Numbers of classifiers, one after the other, mid-stream."""
    pauses_s: tuple[float, float]
    at_rest_within_s: float
    planted: bool = False


@dataclass(frozen=True)
class Result:
    """What came of a run."""

    schedule: str
    wrong: dict[str, str]
    """What does not hold, and how."""
    counts: dict[str, object]
    logs: str


def run(plan: Plan, *, kafka_home: Path, music: Path, folder: Path, say: Callable[[str], None]) -> Result:
    """Run it.

    Args:
        plan: how much of everything.
        kafka_home: an unpacked Apache Kafka.
        music: folder of music to take excerpts of.
        folder: for everything that the run makes.
        say: told what happens, line by line.
    """
    chosen_ensemble()  # built once, not by each of the workers
    chance = random.Random(plan.seed)
    clips = folder / "music"
    clips.mkdir(parents=True)
    rng = np.random.default_rng(plan.seed)
    n_fresh = 3 * plan.n_events * MIX["fresh"] // 200
    files = excerpts(music, clips, N_KNOWN + n_fresh, rng)
    with ExitStack() as parts:
        running = parts.enter_context(pipeline(kafka_home, clips, folder, planted=plan.planted))
        topics = [TRACKS_LABELED.name, TRACKS_FAILED.name]
        census = parts.enter_context(Census(running.kafka.bootstrap_servers, topics, _submission_of))
        submissions = Submissions(running.kafka, files[:N_KNOWN], iter(files[N_KNOWN:]), bad_files(clips, rng), chance)
        accidents = Chaos(plan.seed, _acts(plan, running), pauses_s=plan.pauses_s)
        # A share after each accident, so that all of them befall a pipeline at work.
        share = plan.n_events // (len(accidents) + 1)
        with running.fleet.supervised():
            submissions.publish(plan.n_events - share * len(accidents))
            accidents.run(after_each=lambda: _publish_and_see_some(submissions, share, census), say=say)
            submissions.wait_until_delivered()
            for name, n in N_MEMBERS.items():
                running.fleet.scale(running.roles[name], n)
            _wait_while_outcomes_come(census, len(submissions.expected), plan.at_rest_within_s)
            wrong = _at_rest(_invariants(running, census, submissions), plan.at_rest_within_s, say)
        ends = running.fleet.stop_all()
        if not set(ends.values()) <= {0, -signal.SIGTERM}:  # the latter of one that Python was still starting
            wrong["all workers exit 0 within 10 s of SIGTERM"] = str(ends)
        logs = running.fleet.words() if wrong else ""
        return Result(str(accidents), wrong, _counts(running, census, submissions), logs)


def _publish_and_see_some(submissions: Submissions, n: int, census: Census) -> None:
    """Wait for some outcomes, or machines that are slower than accidents are fast would show restarts only."""
    n_before = census.counts.total()
    submissions.publish(n)
    deadline = time.monotonic() + SOME_WITHIN_S
    while census.counts.total() < n_before + n * SOME_OF_A_SHARE and time.monotonic() < deadline:
        time.sleep(0.1)


def _wait_while_outcomes_come(census: Census, n_expected: int, silence_s: float) -> None:
    """Return when there are as many as expected, or none has come for so long: how fast they come is no invariant."""
    n_seen, since = -1, time.monotonic()
    while n_seen < n_expected and time.monotonic() - since < silence_s:
        if (n := census.counts.total()) > n_seen:
            n_seen, since = n, time.monotonic()
        time.sleep(0.2)


def _submission_of(message: Message) -> str:
    return origin_of(record_of(message)).submission_id


def _acts(plan: Plan, running: Pipeline) -> list[tuple[Act, int]]:
    fleet = running.fleet
    numbers = itertools.cycle(plan.scales or (0,))
    return [
        (fleet.kill_one, plan.n_kills),
        (lambda chance: fleet.freeze_one(chance, for_s=FROZEN_S, roles=WRITERS), plan.n_freezes),
        (running.kill_broker, plan.n_broker_kills),
        (running.kill_redis, plan.n_redis_kills),
        (lambda _: running.scale_to("classifier", next(numbers)), len(plan.scales)),
    ]


def _invariants(running: Pipeline, census: Census, submissions: Submissions) -> dict[str, Invariant]:
    return {
        "each submission has one committed outcome": census.exactly_once(submissions.expected),
        **no_lags(running.kafka),
        "views equal the topics": views_equal_topics(running.kafka, running.redis),
        "trends' counts equal the topics": trends_equal_topics(running.kafka, lambda: trends_at(running.trends_port)),
    }


def _at_rest(invariants: Mapping[str, Invariant], within_s: float, say: Callable[[str], None]) -> dict[str, str]:
    """What still does not hold when the time is over; each is asked again until it does, and once more at the end."""
    deadline = time.monotonic() + within_s
    for name, invariant in invariants.items():
        while (wrong := invariant()) is not None and time.monotonic() < deadline:
            time.sleep(0.5)
        say(f"{name}: {wrong or 'yes'}")
    return {name: wrong for name, invariant in invariants.items() if (wrong := invariant()) is not None}


def _counts(running: Pipeline, census: Census, submissions: Submissions) -> dict[str, object]:
    counts = census.counts
    return {
        "submitted": len(submissions.expected),
        "outcomes": counts.total(),
        "lost": sum(not counts[name] for name in submissions.expected),
        "twice": sum(n > 1 for n in counts.values()),
        "kinds": dict(submissions.kinds),
        "ends": {f"{role} exit {code}": n for (role, code), n in sorted(running.fleet.ends.items(), key=str)},
    }


def in_a_folder_of_its_own(plan: Plan, *, kafka_home: Path, music: Path, say: Callable[[str], None]) -> Result:
    """Run it in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="needledrop-chaos-") as folder:
        return run(plan, kafka_home=kafka_home, music=music, folder=Path(folder), say=say)
