"""A trends worker that is killed while transactions, failures, malformed values and deletions reach it."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.topics import TRACKS_FAILED, TRACKS_LABELED
from shared.embedded.ports import free_port
from shared.kafka.names import TRENDS
from tests.catalog_events import failure, label

N_PARTITIONS = 4
N_LABELS = 300
N_KILLS = 4  # every other one hits between writing counts and committing offsets
GENRES = ("jazz", "rock", "techno")  # the last is none of the taxonomy's first level
FAILING_EVERY = 5
UNSURE_EVERY = 10
UNCOMMITTED = "written and not committed"
REPEATED = 'needledrop_trends_records_total{outcome="repeated"'
MALFORMED = (b"", b"not json", b"[1, 2]", b'{"track_id": "t"}', b"\xff\xfe")

WORKER = """
import asyncio, sys
from shared.lifecycle import run_until_signal
from shared.logs import start_logging
from shared.settings.kafka import KafkaSettings
from shared.settings.loading import loaded
from shared.settings.trends import TrendsSettings
from shared.settings.workers import HttpSettings, LogSettings
from workers.trends import app, main

def names_in(topic, value):
    raise RuntimeError("a bug, for once")

async def written(writes, timeout_s, written=app.written):
    await written(writes, timeout_s)
    if writes:
        app.log.warning("written and not committed")
        await asyncio.sleep(60)  # the kill comes before the commit, however late it comes

if "bug" in sys.argv:
    app.names_in = names_in
if "slow" in sys.argv:
    app.written = written
start_logging(loaded(LogSettings))
settings = (loaded(KafkaSettings), loaded(TrendsSettings), loaded(HttpSettings))
sys.exit(run_until_signal(lambda stop: main.run(*settings, stop)))
"""


def a_label(number: int, genre: str) -> bytes:
    return label(
        f"track-{number}",
        number,
        genres=[{"genre": genre, "probability": 0.7}, {"genre": "pop", "probability": 0.3}],
        unsure=number % UNSURE_EVERY == 0,
        tags={"mood": [{"tag": "happy", "probability": 0.8}, {"tag": "sad", "probability": 0.1}]},
    ).to_json()


@dataclass
class Worker:
    """A trends worker in a process of its own."""

    bootstrap: str
    log: Path
    web_port: int = field(default_factory=free_port)
    http_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "NEEDLEDROP_KAFKA_SLOT": "0",
            "NEEDLEDROP_HTTP_PORT": str(self.http_port),
            "NEEDLEDROP_TRENDS_WEB_PORT": str(self.web_port),
            "NEEDLEDROP_LOG_FORMAT": "text",
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", WORKER, *arguments], env=environment, stdout=log, stderr=log
            )
        return self.process

    def trends(self) -> dict[str, Any] | None:
        """What it shows; None while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.web_port}/trends.json", timeout=2) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except OSError:
            return None

    def metric(self, line: str) -> float:
        """The value of the metric that begins so; 0 while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=2) as answer:
                text = answer.read().decode()
        except OSError:
            return 0.0
        return sum(float(found.rpartition(" ")[2]) for found in text.splitlines() if found.startswith(line))

    def ready(self) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/readyz", timeout=2) as answer:
                return int(answer.status)
        except OSError as error:
            return int(getattr(error, "code", 0))

    def has_logged(self, what: str, n_times: int) -> bool:
        return self.log.read_text().count(what) >= n_times

    def wait_until(self, condition: Callable[[], bool], within_s: float, what: str) -> None:
        """Fail with the end of its log where that takes too long."""
        deadline = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"{what}: not within {within_s} s\n{self.log.read_text()[-8_000:]}")
            time.sleep(0.05)


def publish_everything(bootstrap: str, over_s: float) -> None:
    """All labels in transactions of three, with failures, aborted transactions, malformed values and deletions."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "transactional.id": "upstream", "retry.backoff.ms": 5, "log_level": 0}
    )
    producer.init_transactions(30)
    began = time.monotonic()
    for first in range(0, N_LABELS, 3):
        producer.begin_transaction()
        for number in range(first, first + 3):
            key = f"track-{number}"
            producer.produce(TRACKS_LABELED.name, a_label(number, GENRES[number % 3]), key)
            if number % FAILING_EVERY == 0:
                producer.produce(
                    TRACKS_FAILED.name, failure(f"track-{number}", number).to_json(), f"track-{number}".encode()
                )
        producer.commit_transaction(30)
        if first % 10 == 0:
            producer.begin_transaction()
            producer.produce(TRACKS_LABELED.name, a_label(first, "metal"), b"never")
            producer.flush(30)
            producer.abort_transaction(30)
        if first % 60 == 0:
            producer.begin_transaction()
            for number, value in enumerate(MALFORMED):
                producer.produce(TRACKS_LABELED.name, value, f"malformed-{number}".encode())
                producer.produce(TRACKS_FAILED.name, value, f"malformed-{number}".encode())
            producer.produce(TRACKS_LABELED.name, None, b"deleted")
            producer.commit_transaction(30)
        time.sleep(max(0.0, began + over_s * first / N_LABELS - time.monotonic()))


def lag(bootstrap: str) -> int:
    """Offsets between what the group has committed and the ends, of both topics; everything while nothing is."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": TRENDS, "log_level": 0})
    try:
        places = [
            TopicPartition(topic.name, partition)
            for topic in (TRACKS_LABELED, TRACKS_FAILED)
            for partition in range(N_PARTITIONS)
        ]
        committed = consumer.committed(places, timeout=10)
        return sum(consumer.get_watermark_offsets(one, timeout=10)[1] - max(one.offset, 0) for one in committed)
    finally:
        consumer.close()


@dataclass(frozen=True)
class Aftermath:
    """What is left when all is published and the worker has caught up, for the last time after a kill."""

    trends: dict[str, Any]
    again: dict[str, Any]
    """After a stop and a start more."""
    page: str
    lag: int
    lag_after_stop: int
    exit_code_of_a_bug: int | None
    exit_code_of_sigterm: int | None
    stop_s: float
    readiness: tuple[int, int]
    """Status of /readyz while it starts, and when it works."""
    log: str


def whatever_happens(worker: Worker, upstream: threading.Thread, bootstrap: str) -> Aftermath:
    exit_code_of_a_bug = worker.start("bug").wait(60)
    dice = random.Random(7)
    readiness_at_first = 0
    for kill in range(N_KILLS):
        aimed = kill % 2 == 0
        process = worker.start("slow" if aimed else "")
        if kill == 0:
            worker.wait_until(lambda: worker.ready() != 0, 60, "the health page")
            readiness_at_first = worker.ready()
        if aimed:
            n_wanted = worker.log.read_text().count(UNCOMMITTED) + 1
            worker.wait_until(partial(worker.has_logged, UNCOMMITTED, n_wanted), 60, f"the moment of kill {kill}")
        else:
            worker.wait_until(lambda: worker.metric(REPEATED) > 0, 60, "records of before the last kill")
            time.sleep(dice.uniform(0.0, 1.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    process = worker.start()
    upstream.join(30)
    worker.wait_until(lambda: bool((found := worker.trends()) and found["standing"]["live"]), 30, "being live")
    trends, behind, readiness = worker.trends(), lag(bootstrap), worker.ready()
    with urllib.request.urlopen(f"http://127.0.0.1:{worker.web_port}/", timeout=2) as answer:
        page = answer.read().decode()
    began = time.monotonic()
    process.terminate()
    exit_code_of_sigterm = process.wait(20)
    stop_s = time.monotonic() - began
    lag_after_stop = lag(bootstrap)
    worker.start()
    worker.wait_until(lambda: bool((found := worker.trends()) and found["standing"]["live"]), 30, "being live again")
    again = worker.trends()
    assert trends is not None
    assert again is not None
    return Aftermath(
        trends=trends,
        again=again,
        page=page,
        lag=behind,
        lag_after_stop=lag_after_stop,
        exit_code_of_a_bug=exit_code_of_a_bug,
        exit_code_of_sigterm=exit_code_of_sigterm,
        stop_s=stop_s,
        readiness=(readiness_at_first, readiness),
        log=worker.log.read_text(),
    )
