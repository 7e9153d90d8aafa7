"""The embedded stack: broker, Redis and all workers on this machine, for `needledrop demo` and `up`."""

import contextlib
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from schemas.errors import InvalidSettingError
from schemas.topics import TOPICS
from shared.embedded.kafka_home import KafkaHome
from shared.embedded.ports import free_port, is_free
from shared.embedded.redis_server import RedisServer
from shared.embedded.supervised import Supervised
from shared.kafka.admin import create_topics
from shared.kafka.mock_cluster import MockCluster
from shared.kafka.names import TRENDS
from shared.settings.catalog import CatalogSettings
from shared.settings.kafka import KafkaSettings
from shared.settings.loading import loaded
from workers.trends.windows import changelog_sources

PIPELINE: Final = ("extractor", "classifier", "projector", "trends")
WORKERS: Final = (*PIPELINE, "catalog")
_STACK_FILE: Final = "stack.json"
_PARTITIONS: Final = 4
# The mock cluster keeps 5 MB a partition, some 14 features events; a record that is written alone is two offsets.
_MOCK_BACKLOG_LIMIT: Final = 9
# It ignores static membership: a worker that is started again waits for its predecessor's session to end.
_MOCK_SESSION_TIMEOUT_S: Final = 2.0
_READY_WITHIN_S: Final = 90.0
_ASK_EVERY_S: Final = 0.1
_ANSWERS_WITHIN_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the parts of a running stack are; kept in a file, so that other commands find it."""

    pid: int
    bootstrap_servers: str
    redis_url: str
    http_ports: dict[str, int]
    embedded: bool
    trends_port: int
    catalog_port: int

    def environment(self) -> dict[str, str]:
        """The settings with which workers and commands reach it."""
        return {
            "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "NEEDLEDROP_KAFKA_EMBEDDED": json.dumps(self.embedded),
            "NEEDLEDROP_REDIS_URL": self.redis_url,
        }


def running_stack(folder: Path) -> Stack | None:
    """The stack that another process of this user runs now, None when there is none."""
    try:
        stack = Stack(**json.loads((folder / _STACK_FILE).read_text()))
        address = urllib.parse.urlsplit(stack.redis_url)
        # A process that was killed leaves its file behind, and its number may be another's by now.
        socket.create_connection((address.hostname or "", address.port or 0), timeout=_ANSWERS_WITHIN_S).close()
    except (OSError, ValueError, TypeError):
        return None
    return stack


@contextlib.contextmanager
def embedded_stack(
    roots: Sequence[Path],
    *,
    kafka_home: Path | None,
    state: Path,
    kafka_port: int | None = None,
    workers: Sequence[str] = WORKERS,
    more_settings: Mapping[str, str] | None = None,
) -> Iterator[Stack]:
    """Run broker, Redis and workers while the block runs, and wait until all workers are ready.

    Args:
        roots: media roots of the extractor.
        kafka_home: an unpacked Apache Kafka, durable in ``state``; None for the mock cluster, which forgets.
        state: folder of Redis' data, the broker's, the catalog's, and logs.
        kafka_port: of a real broker; None takes a free one.
        workers: which are run; all by default.
        more_settings: of the workers, by variable; they replace ours.

    Raises: InvalidSettingError when a part does not come up; it names the log that says why.
    """
    other = running_stack(state)
    if other:
        raise InvalidSettingError(
            f"needledrop runs already (process {other.pid}, state in {state}): use that, or stop it"
        )
    state.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as parts:
        redis = parts.enter_context(RedisServer(state / "redis"))
        bootstrap = _broker(parts, kafka_home, kafka_port, state)
        ports = {worker: free_port() for worker in workers}
        stack = Stack(os.getpid(), bootstrap, redis.url, ports, kafka_home is None, free_port(), _catalog_port())
        supervised = parts.enter_context(Supervised(state / "logs"))
        for worker in workers:
            command = [sys.executable, "-m", "workers.cli.main", "worker", worker]
            supervised.start(
                worker, command, env={**_worker_environment(stack, worker, roots, state), **(more_settings or {})}
            )
        _wait_until_ready(stack, supervised, state / "logs")
        stack_file = state / _STACK_FILE
        stack_file.write_text(json.dumps(asdict(stack)))
        parts.callback(stack_file.unlink, missing_ok=True)
        yield stack


def _catalog_port() -> int:
    # The usual one where it is free, so that an address noted once stays right.
    usual = loaded(CatalogSettings).web_port
    return usual if usual and is_free(usual) else free_port()


def _broker(parts: contextlib.ExitStack, kafka_home: Path | None, kafka_port: int | None, state: Path) -> str:
    if kafka_home is None:
        # It creates no topic for whoever asks: what the trends worker makes for itself elsewhere is made here.
        names = [*(topic.name for topic in TOPICS), *changelog_sources(TRENDS)]
        cluster = parts.enter_context(MockCluster(dict.fromkeys(names, _PARTITIONS)))
        return cluster.bootstrap_servers
    broker = parts.enter_context(KafkaHome(kafka_home, state / "kafka", port=kafka_port))
    settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
    create_topics(settings, TOPICS, n_partitions=_PARTITIONS, replication=1)
    return broker.bootstrap_servers


def _worker_environment(stack: Stack, worker: str, roots: Sequence[Path], state: Path) -> dict[str, str]:
    more = {
        "NEEDLEDROP_KAFKA_SLOT": "0",
        "NEEDLEDROP_HTTP_PORT": str(stack.http_ports[worker]),
        "NEEDLEDROP_MEDIA_ROOTS": json.dumps([str(root) for root in roots]),
        "NEEDLEDROP_TRENDS_WEB_PORT": str(stack.trends_port),
        "NEEDLEDROP_CATALOG_WEB_PORT": str(stack.catalog_port),
        "NEEDLEDROP_CATALOG_FOLDER": str(state / "catalog"),
    }
    if stack.embedded:
        more["NEEDLEDROP_KAFKA_BACKLOG_LIMIT"] = str(_MOCK_BACKLOG_LIMIT)
        more["NEEDLEDROP_KAFKA_SESSION_TIMEOUT_S"] = str(_MOCK_SESSION_TIMEOUT_S)
    return {**os.environ, **stack.environment(), **more}


def _wait_until_ready(stack: Stack, supervised: Supervised, logs: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    for worker, port in stack.http_ports.items():
        while not _is_ready(port):
            if worker in supervised.given_up:
                raise InvalidSettingError(f"the {worker} does not start: {_last_line(logs / f'{worker}.log')}")
            if time.monotonic() > deadline:
                raise InvalidSettingError(
                    f"the {worker} is not ready after {_READY_WITHIN_S:.0f} s; {logs / f'{worker}.log'} says why"
                )
            time.sleep(_ASK_EVERY_S)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2.0) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"see {log}"
