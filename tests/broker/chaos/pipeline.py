"""The whole pipeline on a broker and a Redis of its own, all of which may be killed."""

import json
import os
import random
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from schemas.topics import TOPICS
from shared.embedded.kafka_home import KafkaHome
from shared.embedded.ports import free_port
from shared.embedded.processes import ServiceStartError
from shared.embedded.redis_server import RedisServer
from shared.kafka.admin import create_topics
from shared.settings.kafka import KafkaSettings
from shared.settings.redis import RedisSettings
from tests.broker.harness.fleet import Fleet, Role

N_PARTITIONS = 4
N_BROKER_STARTS = 4
N_MEMBERS = {"extractor": 2, "classifier": 2, "projector": 1, "trends": 1}
SESSION_TIMEOUT_S = 6.0
"""The product's own."""
PLANTED = [sys.executable, "-m", "tests.broker.harness.planted"]
WORKER = [sys.executable, "-m", "workers.cli.main", "worker"]


@dataclass
class Pipeline:
    """Services, and the workers as a fleet."""

    kafka_home: KafkaHome
    redis_server: RedisServer
    fleet: Fleet
    roles: Mapping[str, Role]
    trends_port: int
    catalog_port: int

    @property
    def kafka(self) -> KafkaSettings:
        """Where the broker is."""
        return KafkaSettings(bootstrap_servers=self.kafka_home.bootstrap_servers)

    @property
    def redis(self) -> RedisSettings:
        """Where Redis is."""
        return RedisSettings(url=self.redis_server.url)

    def kill_broker(self, _chance: random.Random) -> str:
        """SIGKILL, and a start; when it serves again it is 8 s later."""
        self.kafka_home.kill()
        for attempt in range(N_BROKER_STARTS):
            try:
                self.kafka_home.start()
            except ServiceStartError:  # a busy machine may be too slow for its own time limit
                if attempt == N_BROKER_STARTS - 1:
                    raise
            else:
                break
        return "SIGKILL broker, started again"

    def kill_redis(self, chance: random.Random) -> str:
        """SIGKILL, and a start a moment later."""
        self.redis_server.kill()
        away_s = chance.uniform(0.0, 3.0)  # labels go on meanwhile; the projector waits
        time.sleep(away_s)
        self.redis_server.start()
        return f"SIGKILL Redis, started again after {away_s:.1f} s"

    def scale_to(self, role: str, n: int) -> str:
        """So many members of a role."""
        self.fleet.scale(self.roles[role], n)
        return f"{role}s: {n}"


@contextmanager
def pipeline(
    kafka_home: Path,
    music: Path,
    folder: Path,
    *,
    planted: bool = False,
    members: Mapping[str, int] = N_MEMBERS,
    more_settings: Mapping[str, str] | None = None,
) -> Iterator[Pipeline]:
    """Run broker, Redis and all workers while the block runs.

    Args:
        kafka_home: an unpacked Apache Kafka.
        music: the media root.
        folder: of data and logs.
        planted: extractor and classifier commit offsets before they write outputs.
        members: how many of each worker.
        more_settings: of all of them, by variable.
    """
    with ExitStack() as parts:
        kafka = parts.enter_context(KafkaHome(kafka_home, folder / "kafka"))
        redis = parts.enter_context(RedisServer(folder / "redis"))
        settings = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
        create_topics(settings, TOPICS, n_partitions=N_PARTITIONS, replication=1)
        trends_port, catalog_port = free_port(), free_port()
        environment = {
            **os.environ,
            "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "NEEDLEDROP_KAFKA_SESSION_TIMEOUT_S": str(SESSION_TIMEOUT_S),
            "NEEDLEDROP_REDIS_URL": redis.url,
            "NEEDLEDROP_MEDIA_ROOTS": json.dumps([str(music)]),
            "NEEDLEDROP_TRENDS_WEB_PORT": str(trends_port),
            "NEEDLEDROP_CATALOG_WEB_PORT": str(catalog_port),
            "NEEDLEDROP_CATALOG_FOLDER": str(folder / "catalog"),
            # Several of each share the machine.
            "NEEDLEDROP_EXTRACTOR_N_PROCESSES": "1",
            "NEEDLEDROP_CLASSIFIER_N_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            **(more_settings or {}),
        }
        for name in ("HTTP_PORT", "LOG_FORMAT", "KAFKA_SLOT"):
            environment.pop(f"NEEDLEDROP_{name}", None)  # the fleet's to say
        roles = {
            name: Role(
                name, [*(PLANTED if planted and name in ("extractor", "classifier") else WORKER), name], environment
            )
            for name in {**N_MEMBERS, **members}
        }
        fleet = parts.enter_context(Fleet(folder / "logs"))
        for name, n in members.items():
            fleet.scale(roles[name], n)
        yield Pipeline(kafka, redis, fleet, roles, trends_port, catalog_port)
