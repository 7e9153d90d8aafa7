"""Two hops of processes over real Kafka, with accidents: every record comes out once."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Message

if TYPE_CHECKING:
    import random

    from tests.broker.conftest import KafkaTools
    from tests.broker.harness.accidents import Chaos
    from tests.broker.harness.census import Census
    from tests.broker.harness.fleet import Fleet

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]

N_KILLS = 8
N_FREEZES = 2
N_KEYS_BETWEEN_ACCIDENTS = 200
FROZEN_S = 3.5  # the session of these workers ends after 2 s, their transactions after 3 s
WORK_MS = "30"
VALUE = b"x" * 20_000


def key_of(message: Message) -> str:
    return (message.key() or b"").decode()


@pytest.mark.parametrize("group_protocol", ["classic", "consumer"])
def test_two_hops_bring_each_record_out_once_whoever_is_killed_or_frozen(
    group_protocol: str,
    kafka: "KafkaTools",
    fleet: "Fleet",
    census: "Callable[..., Census]",
    chaos: "type[Chaos]",
    eventually: Callable[..., None],
) -> None:
    inbox, middle, outbox = (kafka.new_topic() for _ in range(3))
    roles = [
        kafka.hop(
            source, source, target, "--work-ms", WORK_MS, group_protocol=group_protocol, transaction_timeout_s=3.0
        )
        for source, target in ((inbox, middle), (middle, outbox))
    ]
    reader = census(kafka.bootstrap, [outbox], key_of)
    published: list[str] = []
    outstanding: list[int] = []

    def publish() -> None:
        fleet.revive()
        keys = [f"key-{len(published) + number}" for number in range(N_KEYS_BETWEEN_ACCIDENTS)]
        kafka.publish(inbox, keys, value=VALUE)
        published.extend(keys)

    def kill(chance: "random.Random") -> str:
        outstanding.append(len(published) - len(reader.counts))
        return f"{fleet.kill_one(chance)} with {outstanding[-1]} of {len(published)} outstanding"

    def freeze(chance: "random.Random") -> str:
        return fleet.freeze_one(chance, for_s=FROZEN_S)

    accidents = chaos(1, [(kill, N_KILLS), (freeze, N_FREEZES)], pauses_s=(0.1, 0.8))

    def say() -> str:
        return f"{accidents}\n{fleet.words()}"

    def all_out() -> str | None:
        fleet.revive()  # a thawed zombie may end, fenced
        return reader.exactly_once(published)()

    publish()
    for role in roles:
        fleet.scale(role, 2)
    accidents.run(after_each=publish)

    eventually(all_out, 40.0, more=say)
    for role in roles:
        eventually(kafka.no_lag(role.name, role.name), 10.0, more=say)
    assert all_out() is None, say()
    assert sum(map(bool, outstanding)) >= N_KILLS - 2, say()  # the kills hit a pipeline at work


@pytest.mark.parametrize("group_protocol", ["classic", "consumer"])
def test_a_hop_brings_each_record_out_once_while_it_is_scaled_to_three_and_back(
    group_protocol: str,
    kafka: "KafkaTools",
    fleet: "Fleet",
    census: "Callable[..., Census]",
    eventually: Callable[..., None],
) -> None:
    inbox, outbox = kafka.new_topic(6), kafka.new_topic()
    role = kafka.hop(inbox, inbox, outbox, "--work-ms", WORK_MS, has_slots=False, group_protocol=group_protocol)
    reader = census(kafka.bootstrap, [outbox], key_of)
    published: list[str] = []

    def publish_and_see_some() -> None:
        keys = [f"key-{len(published) + number}" for number in range(300)]
        kafka.publish(inbox, keys)
        goal = len(reader.counts) + 100
        published.extend(keys)
        eventually(lambda: None if len(reader.counts) >= goal else "nothing comes out", 20.0, more=fleet.words)

    for n_members in (1, 3, 1):
        fleet.scale(role, n_members)
        publish_and_see_some()

    eventually(reader.exactly_once(published), 30.0, more=fleet.words)
    eventually(kafka.no_lag(inbox, inbox), 10.0, more=fleet.words)
    assert set(fleet.stop_all().values()) == {0}


def test_a_hop_that_is_asked_to_stop_exits_0_within_10_s_and_leaves_no_lag_and_no_open_work(
    kafka: "KafkaTools", fleet: "Fleet", census: "Callable[..., Census]", eventually: Callable[..., None]
) -> None:
    inbox, outbox = kafka.new_topic(), kafka.new_topic()
    role = kafka.hop(inbox, inbox, outbox, "--work-ms", "200", "--max-in-flight", "16")
    reader = census(kafka.bootstrap, [outbox], key_of)
    keys = [f"key-{number}" for number in range(200)]
    kafka.publish(inbox, keys)
    fleet.scale(role, 1)
    eventually(lambda: None if reader.counts else "nothing comes out", 20.0, more=fleet.words)

    assert fleet.stop_all() == {f"{inbox}-0": 0}, fleet.words()

    n_out = len(reader.counts)
    assert n_out < len(keys)  # it was at work
    fleet.scale(role, 1)
    eventually(reader.exactly_once(keys), 30.0, more=fleet.words)
    eventually(kafka.no_lag(inbox, inbox), 5.0, more=fleet.words)
    assert fleet.stop_all() == {f"{inbox}-0": 0}
