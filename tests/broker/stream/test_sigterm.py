"""A worker that is asked to stop ends with exit code 0, also while it waits inside the client for a broker."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Message

from shared.embedded.kafka_home import KafkaHome

if TYPE_CHECKING:
    from tests.broker.harness.census import Census
    from tests.broker.harness.fleet import Fleet

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]


@contextmanager
def frozen(kafka: KafkaHome) -> Iterator[None]:
    """It neither answers nor closes connections."""
    pid = kafka._child.pid
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def key_of(message: Message) -> str:
    return (message.key() or b"").decode()


def test_workers_end_with_exit_code_0_at_work_at_rest_and_at_their_start_while_no_broker_answers(
    own_kafka: KafkaHome, fleet: "Fleet", census: "Callable[..., Census]", eventually: Callable[..., None]
) -> None:
    from tests.broker.conftest import KafkaTools

    kafka = KafkaTools(own_kafka.bootstrap_servers)
    inbox, outbox, quiet, nowhere = (kafka.new_topic() for _ in range(4))
    keys = [f"key-{number}" for number in range(2000)]
    at_work = kafka.hop(inbox, inbox, outbox, "--work-ms", "20")
    at_rest = kafka.hop(quiet, quiet, nowhere)
    reader = census(kafka.bootstrap, [outbox], key_of)
    kafka.publish(inbox, keys)
    fleet.scale(at_work, 1)
    fleet.scale(at_rest, 1)
    eventually(lambda: None if reader.counts else "nothing comes out", 30.0, more=fleet.words)

    with frozen(own_kafka):
        fleet.scale(kafka.hop(nowhere, nowhere, quiet), 1)
        eventually(lambda: None if fleet.words().count("starting") == 3 else "signals are not caught yet", 60.0)
        ends = fleet.stop_all()

    assert set(ends.values()) == {0}, f"{ends}\n{fleet.words()}"
    assert len(reader.counts) < len(keys)  # it was at work
    # What was left open or undone is not lost.
    fleet.scale(at_work, 1)
    eventually(reader.exactly_once(keys), 60.0, more=fleet.words)
    assert set(fleet.stop_all().values()) == {0}
