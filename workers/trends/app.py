"""The Faust app: which topics it follows, how it counts each record once, and what it knows of itself."""

import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from faust.types import TP, EventT, StreamT

from schemas.errors import InvalidEventError
from shared.kafka.names import TRENDS
from shared.metrics.stream import StreamMetrics
from shared.metrics.trends import TrendsMetrics
from shared.settings.kafka import KafkaSettings
from workers.trends.connection import brokers, credentials
from workers.trends.counting import names_in
from workers.trends.cures import CuredApp
from workers.trends.tables import CountTable, written
from workers.trends.topics import Shape
from workers.trends.windows import (
    SOURCES,
    WINDOWS_S,
    Sighting,
    Sums,
    count,
    is_kept,
    kept_s,
    sums,
    table_name,
)

log = logging.getLogger("needledrop.trends")

# Counts are durable, and lag is true, this often. Faust's first commit comes after two of these: a second, so that the
# successor of a killed worker is there within three.
_COMMIT_EVERY_S: Final = 0.5
# Longer than a broker takes to restart: 13 s, seen.
_WRITE_TIMEOUT_S: Final = 60.0
_EXIT_BUG: Final = 70
"""EX_SOFTWARE of sysexits.h."""


def end_process() -> None:
    """Die at once, like a kill: Faust would ack the record that an agent raised over, and commit it."""
    logging.shutdown()
    os._exit(_EXIT_BUG)


class Counting:
    """The app with its tables; knows nothing of how it is shown."""

    def __init__(
        self,
        kafka: KafkaSettings,
        shapes: Mapping[str, Shape],
        hours_kept: int,
        stream_metrics: StreamMetrics,
        metrics: TrendsMetrics,
        *,
        on_bug: Callable[[], None] = end_process,
    ) -> None:
        self.app = CuredApp(TRENDS, **faust_options(kafka))
        self.app.before_commit = self._write_changes
        self.app.after_commit = self._note_progress
        self._kept_s = {window_s: kept_s(window_s, hours_kept) for window_s in WINDOWS_S}
        self._stream_metrics = stream_metrics
        self._metrics = metrics
        self._on_bug = on_bug
        self._n_uncommitted = 0
        self._n_committing = 0
        self.last_progress = time.monotonic()
        self._tables: dict[str, dict[int, CountTable]] = {
            topic: {window_s: self._table(topic, window_s, shapes[topic].n_partitions) for window_s in WINDOWS_S}
            for topic in SOURCES
        }
        for topic in SOURCES:
            # Raw: a value that a codec of Faust's cannot read ends the agent, and is skipped.
            source = self.app.topic(
                topic, key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw"
            )
            self.app.agent(source, name=f"count-{topic}")(self._agent(topic))

    def _table(self, topic: str, window_s: int, n_partitions: int) -> CountTable:
        table = CountTable(self.app, name=table_name(topic, window_s), partitions=n_partitions)
        self.app.tables.add(table)
        return table

    def _agent(self, topic: str) -> Callable[[StreamT[bytes | None]], Awaitable[None]]:
        async def follow(stream: StreamT[bytes | None]) -> None:
            async for event in stream.events():
                try:
                    self._handle(topic, event)
                except Exception:
                    log.exception("a bug of ours: this process ends", extra={"topic": topic})
                    self._on_bug()

        return follow

    def _handle(self, topic: str, event: EventT[bytes | None]) -> None:
        """Count, then say so. Nothing is awaited in between: commits see all of it or nothing."""
        if self.app.is_next(event):
            outcome = self._count(topic, event)
            self._metrics.record(topic, outcome)
            self._n_uncommitted += 1
            self.app.note_handled(event)

    def _count(self, topic: str, event: EventT[bytes | None]) -> str:
        """Count one record; what came of it, as ``needledrop_trends_records_total`` names it."""
        message = event.message
        self._stream_metrics.taken.inc()
        if event.value is None:
            return "deletion"
        kept = [
            window_s
            for window_s in WINDOWS_S
            if is_kept(message.timestamp, kept_s=self._kept_s[window_s], now_s=time.time())
        ]
        if not kept:
            return "outdated"
        try:
            names = names_in(topic, event.value)
        except InvalidEventError as error:
            log.warning(
                "not counted: %s", error, extra={"coordinates": f"{topic}:{message.partition}:{message.offset}"}
            )
            return "malformed"
        seen = Sighting(message.partition, message.offset, message.timestamp)
        news = [count(self._tables[topic][window_s], window_s, seen, names) for window_s in kept]
        return "counted" if any(news) else "repeated"

    async def _write_changes(self, partitions: frozenset[TP]) -> None:
        self._n_committing = self._n_uncommitted
        writes = [
            write
            for topic, tables in self._tables.items()
            for table in tables.values()
            for write in table.write_changes(frozenset(tp.partition for tp in partitions if tp.topic == topic))
        ]
        await written(writes, _WRITE_TIMEOUT_S)

    def _note_progress(self) -> None:
        self._stream_metrics.committed.inc(self._n_committing)
        self._n_uncommitted -= self._n_committing
        self._n_committing = 0
        self.last_progress = time.monotonic()
        self._stream_metrics.progressed()

    def partitions(self) -> dict[str, frozenset[int]]:
        """The partitions whose counts this process holds, by topic."""
        sources = self.app.sources()
        return {topic: frozenset(tp.partition for tp in sources if tp.topic == topic) for topic in SOURCES}

    def lags(self) -> dict[tuple[str, int], int | None]:
        """Offsets that are not committed, by topic and partition; None while unknown."""
        return {(tp.topic, tp.partition): lag for tp, lag in self.app.lags().items()}

    def sums(self, window_s: int, *, since_s: float, until_s: float) -> list[Sums]:
        """The counts in [since, until), one of each topic."""
        owned = self.partitions()
        return [
            sums(tables[window_s].data.items(), since_s=since_s, until_s=until_s, partitions=owned[topic])
            for topic, tables in self._tables.items()
        ]

    def forget_outdated(self, now_s: float) -> None:
        """Drop windows that nobody looks at any more."""
        for tables in self._tables.values():
            for window_s, table in tables.items():
                table.forget_outdated(kept_s=self._kept_s[window_s], now_s=now_s)


def faust_options(kafka: KafkaSettings) -> dict[str, Any]:
    """Faust's settings, all that differ from its defaults."""
    return {
        "broker": [f"aiokafka://{address}" for address in brokers(kafka)],
        "broker_credentials": credentials(kafka),
        "broker_commit_interval": _COMMIT_EVERY_S,
        # Batches of several records fail the check on the mock cluster, though the records are whole.
        "broker_check_crcs": not kafka.embedded,
        "broker_session_timeout": kafka.session_timeout_s,
        "broker_heartbeat_interval": kafka.session_timeout_s / 3,
        "consumer_group_instance_id": f"{TRENDS}-{kafka.slot}" if kafka.slot else None,
        # They are there already, and the mock cluster has no CreateTopics.
        "topic_allow_declare": False,
        # A topic that elects a leader, whom nothing here needs.
        "topic_disable_leader": True,
        "reply_create_topic": False,
        "autodiscover": False,
        # Its web server shows tables and routes to whoever asks; ours shows the counts.
        "web_enabled": False,
        "store": "memory://",
    }
