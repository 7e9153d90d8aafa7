"""A broker of one's own, to kill; fleets of worker processes, to kill, freeze and scale; and what must hold then.

The parts of a chaos run are parameters: which processes (`Role`), what befalls them (`Act`) and what must be true
afterwards (`Invariant`).
"""

import os
import random
import signal
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from shared.embedded.kafka_home import KafkaHome
from shared.embedded.ports import free_port
from shared.embedded.processes import ChildProcess
from shared.kafka.clients import plain_producer, reader
from shared.settings.kafka import KafkaSettings

HOP = Path(__file__).with_name("harness") / "hop.py"

Act = Callable[[random.Random], str]
Invariant = Callable[[], str | None]
"""None while it holds, else what is wrong."""


@pytest.fixture
def own_kafka(kafka_home: Path, tmp_path: Path) -> Iterator[KafkaHome]:
    """A running broker that one test alone uses: it may be killed. Tests that do not kill share ``kafka_bootstrap``."""
    with KafkaHome(kafka_home, tmp_path / "kafka") as kafka:
        yield kafka


@dataclass(frozen=True)
class Role:
    """A kind of process, of which a fleet runs any number."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    has_slots: bool = True
    """Whether each keeps its place in the group (NEEDLEDROP_KAFKA_SLOT) when it is replaced."""


class Fleet:
    """Processes by role and slot; a context manager that kills what is left of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._members: dict[tuple[str, int], ChildProcess] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._members.values():
            member.kill()

    def scale(self, role: Role, n: int) -> None:
        """Have the members of slots 0 to n-1 running, and no other of this role; those too many are asked to stop."""
        for slot in range(n):
            member = self._members.get((role.name, slot)) or self._hired(role, slot)
            if not member.is_alive:
                member.start()
        for name, slot in list(self._members):
            if name == role.name and slot >= n:
                self._members.pop((name, slot)).stop()

    def _hired(self, role: Role, slot: int) -> ChildProcess:
        environment = {**os.environ, "NEEDLEDROP_HTTP_PORT": str(free_port()), "NEEDLEDROP_LOG_FORMAT": "text"}
        if role.has_slots:
            environment["NEEDLEDROP_KAFKA_SLOT"] = str(slot)
        name = f"{role.name}-{slot}"
        member = ChildProcess(
            name, role.command, log_path=self._folder / f"{name}.log", env={**environment, **role.environment}
        )
        self._members[role.name, slot] = member
        return member

    def revive(self) -> None:
        """Start again whatever has ended, as a supervisor would."""
        for member in self._members.values():
            if not member.is_alive:
                member.start()

    def kill_one(self, chance: random.Random) -> str:
        """SIGKILL to a member of any role, which `revive` replaces."""
        member = self._one(chance)
        member.kill()
        return f"SIGKILL {member.name}"

    def freeze_one(self, chance: random.Random, *, for_s: float) -> str:
        """SIGSTOP, and SIGCONT after ``for_s``: a zombie when that is past the session timeout."""
        member = self._one(chance)
        os.kill(member.pid or 0, signal.SIGSTOP)
        time.sleep(for_s)
        os.kill(member.pid or 0, signal.SIGCONT)
        return f"SIGSTOP {member.name}"

    def stop_all(self) -> dict[str, int | None]:
        """SIGTERM to all at once; their exit codes, negative for those that needed a SIGKILL after 10 s."""
        for member in self._members.values():
            member.ask_to_stop()
        deadline = time.monotonic() + 10.0
        for member in self._members.values():
            member.stop(within_s=max(0.0, deadline - time.monotonic()))
        return {member.name: member.exit_code for member in self._members.values()}

    def words(self) -> str:
        """The last words of each, for a message that says why a test failed."""
        return "\n".join(f"{member.name}: {member.output()[-1500:]}" for member in self._members.values())

    def _one(self, chance: random.Random) -> ChildProcess:
        return chance.choice([member for member in self._members.values() if member.is_alive])


class Chaos:
    """Accidents in an order and at moments that a seed decides.

    Args:
        acts: what befalls the fleet, and how often; an act says whom it has hit.
    """

    def __init__(self, seed: int, acts: Sequence[tuple[Act, int]], *, pauses_s: tuple[float, float]) -> None:
        self.log = [f"seed {seed}"]
        self._chance = random.Random(seed)
        self._acts = [act for act, n in acts for _ in range(n)]
        self._pauses_s = pauses_s
        self._chance.shuffle(self._acts)

    def run(self, after_each: Callable[[], None]) -> None:
        """Act after act; ``after_each`` puts right what must be put right from outside (a supervisor)."""
        began = time.monotonic()
        for act in self._acts:
            time.sleep(self._chance.uniform(*self._pauses_s))
            self.log.append(f"{time.monotonic() - began:6.2f} s {act(self._chance)}")
            after_each()

    def __str__(self) -> str:
        return "\n".join(self.log)


class Census:
    """Reads committed records of some topics from the first on, in a thread, and counts what each is about."""

    def __init__(self, bootstrap: str, topics: Sequence[str], about: Callable[[Message], str]) -> None:
        self._counts: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._about = about
        self._consumer: Consumer = reader(KafkaSettings(bootstrap_servers=bootstrap), f"census-{uuid.uuid4().hex}")
        found = [self._consumer.list_topics(topic, timeout=10).topics[topic] for topic in topics]
        self._consumer.assign(
            [TopicPartition(one.topic, partition, OFFSET_BEGINNING) for one in found for partition in one.partitions]
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def _read(self) -> None:
        while not self._stop.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                with self._counting:
                    self._counts[self._about(message)] += 1

    @property
    def counts(self) -> Counter[str]:
        """How often each was seen so far; a copy, since the thread goes on counting."""
        with self._counting:
            return self._counts.copy()

    def exactly_once(self, expected: Sequence[str]) -> Invariant:
        """Each of ``expected`` is there once, and nothing else is."""

        def check() -> str | None:
            counts = self.counts
            wrong = {name: n for name, n in counts.items() if n != 1 or name not in known}
            lost = [name for name in expected if not counts[name]]
            said = f"{len(lost)} lost {lost[:5]}, {len(wrong)} twice or unknown {dict(list(wrong.items())[:5])}"
            return said if lost or wrong else None

        known = frozenset(expected)
        return check


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
        consumer = reader(self.settings, group)
        try:
            found = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            lag = 0
            for one in consumer.committed([TopicPartition(topic, partition) for partition in found], timeout=10):
                low, high = consumer.get_watermark_offsets(one, timeout=10)
                lag += high - max(one.offset, low)
            return lag
        finally:
            consumer.close()

    def no_lag(self, group: str, topic: str) -> Invariant:
        """The group has committed all there is."""
        return lambda: f"{group} lags {lag} behind" if (lag := self.lag(group, topic)) else None

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
        return Role(name, [sys.executable, str(HOP), name, inbox, outbox, *options], environment, has_slots)


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
    """Makes censuses: ``census(bootstrap, topics, about)``."""
    with ExitStack() as running:
        yield lambda *arguments: running.enter_context(Census(*arguments))


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
