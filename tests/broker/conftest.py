"""A broker of one's own, to kill; fleets of worker processes, to kill, freeze and scale; and what must hold then.

The parts of a chaos run are parameters: which processes (`Role`), what befalls them (`Act`) and what must be true
afterwards (`Invariant`).
"""

import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from shared.embedded.kafka_home import KafkaHome
from shared.kafka.clients import plain_producer
from shared.settings.kafka import KafkaSettings
from tests.broker.harness.accidents import Chaos
from tests.broker.harness.census import Census, Invariant
from tests.broker.harness.fleet import Fleet, Role
from tests.broker.harness.lags import lag_of, no_lag

HOP = (sys.executable, "-m", "tests.broker.harness.hop")


@pytest.fixture
def own_kafka(kafka_home: Path, tmp_path: Path) -> Iterator[KafkaHome]:
    """A running broker that one test alone uses: it may be killed. Tests that do not kill share ``kafka_bootstrap``."""
    with KafkaHome(kafka_home, tmp_path / "kafka") as kafka:
        yield kafka


@dataclass(frozen=True)
class KafkaTools:
    """What tests do to the shared broker, always under names of their own."""

    bootstrap: str

    @property
    def settings(self) -> KafkaSettings:
        """Ours for this broker, with a session that tests can wait for."""
        return KafkaSettings(bootstrap_servers=self.bootstrap, session_timeout_s=2.0)

    def new_topic(self, n_partitions: int = 4, **config: str) -> str:
        """Create a topic; its name."""
        name = f"topic-{uuid.uuid4().hex[:12]}"
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        [done] = admin.create_topics([NewTopic(name, n_partitions, 1, config=config)], operation_timeout=20).values()
        done.result(20)
        deadline = time.monotonic() + 20
        while not admin.list_topics(name, timeout=10).topics[name].partitions:  # brokers hear of it a moment later
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return name

    def publish(self, topic: str, keys: Sequence[str], value: bytes = b"x") -> None:
        """Write one record a key."""
        producer = plain_producer(self.settings)
        for key in keys:
            producer.produce(topic, value, key=key.encode())
            producer.poll(0)
        assert producer.flush(30) == 0

    def lag(self, group: str, topic: str) -> int:
        """Offsets between the end of all partitions and what the group has committed."""
        return lag_of(self.settings, group, [topic])

    def no_lag(self, group: str, topic: str) -> Invariant:
        """The group has committed all there is."""
        return no_lag(self.settings, group, [topic])

    def hop(
        self,
        name: str,
        inbox: str,
        outbox: str,
        *options: str,
        has_slots: bool = True,
        group_protocol: str = "classic",
        transaction_timeout_s: float = 10.0,
    ) -> Role:
        """A stream that copies ``inbox`` to ``outbox``; its group has its name."""
        environment = {
            "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "NEEDLEDROP_KAFKA_SESSION_TIMEOUT_S": str(self.settings.session_timeout_s),
            "NEEDLEDROP_KAFKA_GROUP_PROTOCOL": group_protocol,
            "NEEDLEDROP_KAFKA_TRANSACTION_TIMEOUT_S": str(transaction_timeout_s),
        }
        return Role(name, [*HOP, name, inbox, outbox, *options], environment, has_slots)


@pytest.fixture
def kafka(kafka_bootstrap: str) -> KafkaTools:
    """The shared broker, and what tests need to do to it."""
    return KafkaTools(kafka_bootstrap)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """An empty fleet; whatever was started is killed at the end."""
    with Fleet(tmp_path / "fleet") as running:
        yield running


@pytest.fixture
def census() -> Iterator[Callable[..., Census]]:
    """Makes censuses: ``census(bootstrap, topics, about, isolation=...)``."""
    with ExitStack() as running:
        yield lambda *arguments, **options: running.enter_context(Census(*arguments, **options))


@pytest.fixture
def chaos() -> type[Chaos]:
    """Makes schedules of accidents."""
    return Chaos


@pytest.fixture
def eventually() -> Callable[..., None]:
    """``eventually(invariant, within_s)`` waits until it holds, and fails with what it says if it never does."""

    def wait(invariant: Invariant, within_s: float = 20.0, *, more: Callable[[], object] = lambda: "") -> None:
        deadline = time.monotonic() + within_s
        while (wrong := invariant()) is not None:
            assert time.monotonic() < deadline, f"{wrong}\n{more()}"
            time.sleep(0.05)

    return wait


@pytest.fixture
def some_music(tmp_path: Path) -> Path:
    """Labelled clips where there are some, else a noise."""
    if clips := os.environ.get("NEEDLEDROP_TEST_CLIPS"):
        return Path(clips)
    folder = tmp_path / "source"
    folder.mkdir()
    noise = np.random.default_rng(5).normal(0.0, 0.1, 60 * 22_050)
    soundfile.write(folder / "noise.ogg", noise, 22_050)
    return folder
