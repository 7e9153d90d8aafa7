"""All workers and commands over TLS with logins, on a real Kafka and a real Redis; and no secret in what they say."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.events import TrackFailed, TrackSubmitted
from schemas.topics import TOPICS, TRACKS_FAILED, TRACKS_LABELED, TRACKS_SUBMITTED
from shared.embedded.ports import free_port
from shared.embedded.processes import ChildProcess
from shared.kafka.clients import plain_producer
from shared.kafka.ranges import RangeReader
from shared.kafka.records import Record
from shared.redis.connection import connect
from tests.end_to_end.telltale_server import CANARIES, telltale_server
from tests.secured_services import (
    SECRETS,
    SecuredKafka,
    SecuredRedis,
    kafka_settings,
    redis_settings,
    secured_kafka,
    secured_redis,
)

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]

WITHIN_S = 120.0
# How each worker logs in.
WAYS = {
    "extractor": ("extractor", "SCRAM-SHA-256"),
    "classifier": ("classifier", "SCRAM-SHA-512"),
    "projector": ("projector", "mTLS"),
    "trends": ("trends", "PLAIN"),
    "trends-2": ("trends", "mTLS"),
    "catalog": ("catalog", "SCRAM-SHA-256"),
}
SECRET_PARTS = "?X-Amz-Signature={signature}&token={token}#access_token={fragment}"
ALL_SECRETS = {**SECRETS, **CANARIES}


@dataclass
class Secured:
    """The services, the workers on them, and what commands said."""

    kafka: SecuredKafka
    redis: SecuredRedis
    folder: Path
    music: Path
    ports: dict[str, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def environment(self, way: str, **more: str) -> dict[str, str]:
        """Of a worker or command that logs in this way."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("NEEDLEDROP_K", "AWS_"))}
        return {
            **clean,
            **self.kafka.ways()[way],
            **self.redis.settings(),
            "NEEDLEDROP_STATE": str(self.folder / "state"),
            "NEEDLEDROP_LOG_LEVEL": "DEBUG",
            **more,
        }

    def command(self, way: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one to its end; what it prints is remembered."""
        done = subprocess.run(
            [sys.executable, "-m", "workers.cli.main", *arguments],
            env=self.environment(way, **more),
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        self.said += [done.stdout, done.stderr]
        return done

    def records(self, topic: str) -> Iterator[Record]:
        """All there are now, over a login of its own."""
        reader = RangeReader(kafka_settings(self.kafka.login("SCRAM-SHA-512")))
        try:
            for partition, (low, high) in reader.bounds(topic).items():
                yield from reader.between(topic, partition, low, high)
        finally:
            reader.close()

    def answer(self, worker: str, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[worker]}{path}", timeout=10.0) as answer:
            return str(answer.read().decode())


@pytest.fixture(scope="module")
def secured(kafka_home: Path, tmp_path_factory: pytest.TempPathFactory, models_of_this_code: None) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    with ExitStack() as parts:
        redis = parts.enter_context(secured_redis(tmp_path_factory.mktemp("secured-redis")))
        kafka = parts.enter_context(secured_kafka(kafka_home, folder))
        running = Secured(kafka, redis, folder, tmp_path_factory.mktemp("secured-music"))
        created = running.command("PLAIN", "topics", "create", "--partitions", "2")
        assert created.returncode == 0, created.stderr
        workers = {}
        for slot, (name, (worker, way)) in enumerate(WAYS.items()):
            running.ports[name] = free_port()
            environment = running.environment(
                way,
                NEEDLEDROP_KAFKA_SLOT=str(slot),
                NEEDLEDROP_HTTP_PORT=str(running.ports[name]),
                NEEDLEDROP_MEDIA_ROOTS=json.dumps([str(running.music)]),
                NEEDLEDROP_MEDIA_ALLOW_PRIVATE_ADDRESSES="true",
                NEEDLEDROP_EXTRACTOR_RETRY_BUDGET_S="0",
                NEEDLEDROP_EXTRACTOR_N_PROCESSES="1",
                NEEDLEDROP_TRENDS_WEB_PORT="0",
                NEEDLEDROP_CATALOG_WEB_PORT="0",
                NEEDLEDROP_CATALOG_FOLDER=str(folder / "catalog"),
                NEEDLEDROP_MEDIA_S3_ENDPOINT_URL=f"http://{CANARIES['user']}:{CANARIES['password']}@127.0.0.1:9",
                AWS_ACCESS_KEY_ID="a-key",
                AWS_SECRET_ACCESS_KEY=CANARIES["aws"],
                AWS_DEFAULT_REGION="eu-north-1",
            )
            command = [sys.executable, "-m", "workers.cli.main", "worker", worker]
            workers[name] = ChildProcess(name, command, log_path=folder / "logs" / f"{name}.log", env=environment)
            workers[name].start()
            parts.callback(workers[name].stop, within_s=15.0)
        for name, child in workers.items():
            child.wait_until(lambda name=name: _is_ready(running, name), within_s=WITHIN_S)  # type: ignore[misc]
        for child in workers.values():
            parts.callback(child.ask_to_stop)  # all of them, before any is waited for
        yield running


def _is_ready(running: Secured, name: str) -> bool:
    try:
        return running.answer(name, "/readyz") == "ok\n"
    except OSError:
        time.sleep(0.1)
        return False


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.1)


def submit(secured: Secured, uri: str, *, track: str = "") -> str:
    """Publish over TLS with our certificate; the submission's id."""
    submission = str(uuid.uuid4())
    event = TrackSubmitted(
        track_id=track or submission, uri=uri, submission_id=submission, submitted_at=datetime.now(UTC)
    )
    publish(secured, event.track_id, event.to_json())
    return submission


def publish(secured: Secured, key: str, value: bytes) -> None:
    producer = plain_producer(kafka_settings(secured.kafka.mutual()))
    producer.produce(TRACKS_SUBMITTED.name, value, key=key.encode())
    assert producer.flush(30) == 0


def failures(secured: Secured) -> dict[str, TrackFailed]:
    found = [TrackFailed.from_json(record.value or b"") for record in secured.records(TRACKS_FAILED.name)]
    return {one.submission.submission_id if one.submission else one.track_id: one for one in found}


def test_a_track_becomes_a_label_a_view_and_a_count_over_tls(secured: Secured, write_tune: Any, music: Path) -> None:
    tune: Path = write_tune("secured.flac", seed=7)
    (secured.music / tune.name).write_bytes(tune.read_bytes())
    submitted = secured.command("SCRAM-SHA-256", "submit", str(secured.music / tune.name), "--id", "secured")
    assert submitted.returncode == 0, submitted.stderr

    eventually(lambda: secured.command("PLAIN", "get", "secured").returncode == 0)

    [label] = [record for record in secured.records(TRACKS_LABELED.name) if record.key == b"secured"]
    assert json.loads(label.value or b"")["genres"]
    rebuilt = secured.command("mTLS", "cache", "rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr
    eventually(lambda: counted(secured) >= 1)


def counted(secured: Secured) -> float:
    lines = [secured.answer(name, "/metrics") for name in WAYS if name.startswith("trends")]
    found = re.findall(r'needledrop_trends_records_total\{outcome="counted"[^}]*\} (\S+)', "\n".join(lines))
    return sum(map(float, found))


def test_no_secret_is_in_what_workers_and_commands_say_or_store(secured: Secured) -> None:
    with telltale_server() as telltale:
        login = f"{CANARIES['user']}:{CANARIES['password']}@"
        secret_parts = SECRET_PARTS.format(**CANARIES)
        paths = ("missing", "echo", "broken", "encoded", "playlist", "moved", "text")
        uris = [f"http://{login}{telltale}/{path}{secret_parts}" for path in paths]
        uris += [
            f"http://{login}127.0.0.1:9/{secret_parts}",
            f"http://{login}169.254.169.254/{secret_parts}",
            f"https://{login}{telltale}/{secret_parts}",
            f"ftp://{login}example.org/{secret_parts}",
            f"http://{login}no host/{secret_parts}",
            f"http://a@{login}example.org/{secret_parts}",
            f"file://{login}localhost/{secret_parts}",
            f"file:///nowhere/{secret_parts}",
            f"s3://{login}bucket/key",
            f"s3://bucket/key{secret_parts}",
            f"//{login}example.org/{secret_parts}",
            f"http:/{login}example.org/{secret_parts}",
            f"{login}example.org{secret_parts}",
        ]
        submissions = [submit(secured, uri) for uri in uris]
        broken = {"track_id": "broken", "uri": uris[0], "submission_id": "", "submitted_at": uris[1], "year": uris[2]}
        publish(secured, "broken", json.dumps(broken).encode())
        publish(secured, "cut", json.dumps({"track_id": "cut", "uri": uris[0]}).encode()[:-5])
        wanted = {*submissions, "broken", "cut"}
        eventually(lambda: wanted <= failures(secured).keys())

    assert {one.reason for one in failures(secured).values()} <= {
        *("not_found", "unreachable", "undecodable_audio", "uri_refused", "invalid_event", "access_denied")
    }
    for arguments in (("failures", "list"), ("get", "broken"), ("worker", "--help")):
        secured.command("SCRAM-SHA-512", *arguments)
    secured.command("PLAIN", "get", "x", NEEDLEDROP_REDIS_URL=f"redis://u:{CANARIES['token']}/x@127.0.0.1:1/0")
    secured.command("PLAIN", "get", "x", NEEDLEDROP_REDIS_URL=f"redis://u:{CANARIES['token']}@127.0.0.1:1/0")
    secured.command("PLAIN", "get", "x", NEEDLEDROP_REDIS_PASSWORD=CANARIES["token"])
    secured.command("PLAIN", "watch", NEEDLEDROP_KAFKA_SASL_PASSWORD=CANARIES["token"])
    secured.command("PLAIN", "watch", NEEDLEDROP_KAFKA_EMBEDDED=CANARIES["token"])

    outputs = dict(spoken(secured))
    assert len(outputs) > 20
    leaks = {(place, name) for place, text in outputs.items() for name, one in ALL_SECRETS.items() if one in text}
    assert leaks == set()


def spoken(secured: Secured) -> Iterator[tuple[str, str]]:
    """All that anybody but the submitter gets to see."""
    for log in sorted((secured.folder / "logs").iterdir()):
        yield f"log {log.name}", log.read_text(errors="replace")
    for name in WAYS:
        yield f"metrics of {name}", secured.answer(name, "/metrics")
    for topic in TOPICS:
        if topic is not TRACKS_SUBMITTED:
            for record in secured.records(topic.name):
                text = repr((record.key, record.value, record.headers))
                yield f"{topic.name} {record.coordinates}", text
    with connect(redis_settings(secured.redis.settings())) as redis:
        for key in redis.scan_iter(count=1000):
            value = redis.hgetall(key) if redis.type(key) == b"hash" else redis.get(key)
            yield f"redis {key!r}", repr((key, value))
    for number, text in enumerate(secured.said):
        yield f"command {number}", text


@pytest.mark.parametrize("name", ["extractor", "trends"])
def test_a_worker_with_a_wrong_password_ends_with_one_line_that_names_the_setting(secured: Secured, name: str) -> None:
    done = secured.command(
        "SCRAM-SHA-256",
        "worker",
        name,
        NEEDLEDROP_KAFKA_SASL_PASSWORD="wrong",
        NEEDLEDROP_LOG_LEVEL="INFO",
        NEEDLEDROP_HTTP_PORT="0",
    )

    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert json.loads(line)["level"] == "ERROR"
    assert "NEEDLEDROP_KAFKA_SASL_PASSWORD" in line


def test_a_worker_that_redis_refuses_ends_with_one_line_that_names_the_setting(secured: Secured) -> None:
    done = secured.command(
        "SCRAM-SHA-256", "worker", "projector", NEEDLEDROP_REDIS_PASSWORD="wrong", NEEDLEDROP_LOG_LEVEL="INFO"
    )

    assert done.returncode == 2
    assert "NEEDLEDROP_REDIS_PASSWORD" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("submit", "https://example.org/a.mp3"), ("topics", "create")])
def test_a_command_with_a_wrong_password_is_one_line_that_names_the_setting(
    secured: Secured, arguments: tuple[str, ...]
) -> None:
    done = secured.command("PLAIN", *arguments, NEEDLEDROP_KAFKA_SASL_PASSWORD="wrong")

    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert "NEEDLEDROP_KAFKA_SASL_PASSWORD" in line
