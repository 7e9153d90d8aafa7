"""Faults inside open transactions: a test build of the loop dies, freezes or aborts there, and all comes out once.

The long form: NEEDLEDROP_TEST_KILLS=100 (`make chaos`).
"""

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Message

if TYPE_CHECKING:
    from tests.broker.conftest import KafkaTools
    from tests.broker.harness.census import Census
    from tests.broker.harness.fleet import Fleet, Role

N_FAULTS = int(os.environ.get("NEEDLEDROP_TEST_KILLS", "12"))
N_KEYS_AT_ONCE = 50
N_MEMBERS = 2
TRANSACTION_TIMEOUT_S = 2.0
FROZEN_S = 3.5  # past that and past the session of 2 s
WITHIN_S = 60.0

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180 + 3 * N_FAULTS)]


def key_of(message: Message) -> str:
    return (message.key() or b"").decode()


class Hops:
    """Two hops, one behind the other, at first of a build with faults, then of a clean one."""

    def __init__(self, kafka: "KafkaTools", fleet: "Fleet", *faults: str) -> None:
        self._kafka = kafka
        self._fleet = fleet
        self.topics = [kafka.new_topic() for _ in range(3)]
        self.published: list[str] = []
        for role in self._roles(*faults):
            fleet.scale(role, N_MEMBERS)

    def _roles(self, *options: str) -> list["Role"]:
        inbox, middle, outbox = self.topics
        return [
            self._kafka.hop(source, source, target, *options, transaction_timeout_s=TRANSACTION_TIMEOUT_S)
            for source, target in ((inbox, middle), (middle, outbox))
        ]

    def at_work_until(self, enough: Callable[[], bool], look_after: Callable[[], None] = lambda: None) -> None:
        """Publish, and start again what has ended, until it is enough."""
        deadline = time.monotonic() + WITHIN_S + 3 * N_FAULTS
        while not enough():
            assert time.monotonic() < deadline, self._fleet.words()
            keys = [f"key-{len(self.published) + number}" for number in range(N_KEYS_AT_ONCE)]
            self._kafka.publish(self.topics[0], keys)
            self.published += keys
            look_after()
            self._fleet.revive()
            time.sleep(0.2)

    def go_on_without_faults(self) -> None:
        for role in self._roles():
            self._fleet.scale(role, 0)
            self._fleet.scale(role, N_MEMBERS)

    def lag(self) -> str | None:
        """Of both groups."""
        return next(
            (wrong for topic in self.topics[:2] if (wrong := self._kafka.no_lag(topic, topic)()) is not None), None
        )


def n_ended(fleet: "Fleet", code: int) -> int:
    return sum(n for (_, ended), n in fleet.ends.items() if ended == code)


def test_two_hops_bring_each_record_out_once_when_they_die_inside_transactions(
    kafka: "KafkaTools", fleet: "Fleet", census: "Callable[..., Census]", eventually: Callable[..., None]
) -> None:
    hops = Hops(kafka, fleet, "--fault", "die", "--odds", "0.2")
    reader = census(kafka.bootstrap, [hops.topics[-1]], key_of)

    hops.at_work_until(lambda: n_ended(fleet, -9) >= N_FAULTS)
    hops.go_on_without_faults()

    eventually(reader.exactly_once(hops.published), WITHIN_S, more=fleet.words)
    eventually(hops.lag, 15.0, more=fleet.words)
    assert reader.exactly_once(hops.published)() is None
    print(f"{n_ended(fleet, -9)} kills inside transactions, {len(hops.published)} records, each once")  # noqa: T201


def test_a_harness_that_kills_inside_transactions_finds_a_loop_that_commits_offsets_first(
    kafka: "KafkaTools", fleet: "Fleet", census: "Callable[..., Census]", eventually: Callable[..., None]
) -> None:
    hops = Hops(kafka, fleet, "--plant", "--fault", "die", "--odds", "0.2")
    reader = census(kafka.bootstrap, [hops.topics[-1]], key_of)

    hops.at_work_until(lambda: n_ended(fleet, -9) >= 12)
    hops.go_on_without_faults()

    eventually(hops.lag, WITHIN_S, more=fleet.words)
    assert "lost" in (reader.exactly_once(hops.published)() or "nothing is wrong")


def test_two_hops_bring_each_record_out_once_when_transactions_time_out_under_frozen_members(
    kafka: "KafkaTools", fleet: "Fleet", census: "Callable[..., Census]", eventually: Callable[..., None]
) -> None:
    hops = Hops(kafka, fleet, "--fault", "freeze", "--odds", "0.1")
    reader = census(kafka.bootstrap, [hops.topics[-1]], key_of)

    hops.at_work_until(lambda: fleet.n_woken >= N_FAULTS // 5, lambda: fleet.wake_up(after_s=FROZEN_S))
    hops.go_on_without_faults()

    eventually(reader.exactly_once(hops.published), WITHIN_S, more=fleet.words)
    eventually(hops.lag, 15.0, more=fleet.words)
    assert reader.exactly_once(hops.published)() is None


def test_aborted_outputs_are_in_the_log_and_no_reader_of_committed_records_sees_them(
    kafka: "KafkaTools", fleet: "Fleet", census: "Callable[..., Census]", eventually: Callable[..., None]
) -> None:
    hops = Hops(kafka, fleet, "--fault", "abort", "--odds", "0.3")
    committed = census(kafka.bootstrap, hops.topics[1:2], key_of)
    everything = census(kafka.bootstrap, hops.topics[1:2], key_of, isolation="read_uncommitted")
    out = census(kafka.bootstrap, hops.topics[2:], key_of)

    hops.at_work_until(lambda: sum(n - 1 for n in everything.counts.values()) >= N_FAULTS)

    eventually(out.exactly_once(hops.published), WITHIN_S, more=fleet.words)
    eventually(committed.exactly_once(hops.published), WITHIN_S, more=fleet.words)
    eventually(hops.lag, 15.0, more=fleet.words)
