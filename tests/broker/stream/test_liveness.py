"""A consumer that is alive and stuck is found, and one that only waits is left alone."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

import pytest

from shared.health.checks import StreamChecks
from shared.kafka.backlog import BacklogLimit
from shared.kafka.records import Outgoing, Record
from shared.kafka.spec import StreamSpec
from shared.kafka.stream import Stream
from shared.metrics.exposition import Registry
from shared.metrics.stream import StreamMetrics

if TYPE_CHECKING:
    from tests.broker.conftest import KafkaTools
    from tests.broker.stream.conftest import RunningStream

pytestmark = pytest.mark.broker

STUCK_AFTER_S = 5.0


def copying_to(outbox: str) -> Callable[[Sequence[Record]], list[Future[Sequence[Outgoing]]]]:
    def start(records: Sequence[Record]) -> list[Future[Sequence[Outgoing]]]:
        works: list[Future[Sequence[Outgoing]]] = []
        for record in records:
            works.append(Future())
            works[-1].set_result((Outgoing(outbox, record.key or b"", record.value),))
        return works

    return start


def test_a_stream_that_no_longer_fetches_is_stuck_though_its_client_knows_of_no_lag(
    kafka: "KafkaTools", running: "Callable[[Stream], RunningStream]", eventually: Callable[..., None]
) -> None:
    inbox, outbox = kafka.new_topic(1), kafka.new_topic(1)
    copy = copying_to(outbox)

    def start(records: Sequence[Record]) -> list[Future[Sequence[Outgoing]]]:
        stream._assignment.pause(paused=True)
        stream._assignment.paused = False  # the flag that went wrong in a spike: nobody will resume
        return copy(records)

    spec = StreamSpec("stage", inbox, (inbox,), max_in_flight=16)
    stream = Stream(kafka.settings, spec, start, StreamMetrics(Registry(), "stage"))
    checks = StreamChecks(stream, stuck_after_s=STUCK_AFTER_S)
    running(stream)
    kafka.publish(inbox, ["first"])
    eventually(lambda: None if kafka.lag(outbox, outbox) else "nothing comes out")
    assert checks.live() is None

    kafka.publish(inbox, ["second", "third"])

    eventually(lambda: None if "stuck: 2 offsets behind" in (checks.live() or "") else "it is taken for live", 40.0)


def test_a_stream_that_is_held_back_by_the_next_stage_is_live(
    kafka: "KafkaTools", running: "Callable[[Stream], RunningStream]", eventually: Callable[..., None]
) -> None:
    inbox, outbox = kafka.new_topic(1), kafka.new_topic(1)
    limit = BacklogLimit(kafka.settings, topic=outbox, group=f"after-{inbox}", limit=4)
    stream = Stream(
        kafka.settings,
        StreamSpec("stage", inbox, (inbox,), max_in_flight=4),
        copying_to(outbox),
        StreamMetrics(Registry(), "stage"),
        limit,
    )
    checks = StreamChecks(stream, stuck_after_s=STUCK_AFTER_S, waits=lambda: stream.held_back)
    kafka.publish(inbox, [f"key-{number}" for number in range(20)])
    running(stream)

    eventually(lambda: None if stream.held_back else "nothing is held back")
    silent_since = time.monotonic()
    eventually(lambda: None if time.monotonic() - stream.last_progress > STUCK_AFTER_S + 1 else "not yet", 40.0)
    assert checks.live() is None
    assert stream.last_progress < silent_since + 1
