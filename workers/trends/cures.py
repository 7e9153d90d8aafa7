"""All of Faust's private API that we reach into, and why. For faust-streaming 0.15.3 and aiokafka 0.14.0, pinned.

On topics that are written by transactions Faust alone
- reads aborted records (its consumer asks for committed ones only under ``exactly_once``, which does not hold);
- gets stuck: it takes transaction markers for gaps in what was acked, and counts these wrongly (300 records handled,
  offset 18 of 83 committed: then lag never ends, and each restart replays);
- acks what it skips in a rebalance, and what an agent raised over;
- delivers records of a partition out of order when a rebalance drops a batch between fetching and delivering
  (260 counts of 6,000 were lost by that while two replicas were frozen and killed in turn);
- does not go back to what is committed where that is the beginning: aiokafka's seek_to_committed leaves out offset 0
  and partitions without an offset (of 100 workers killed before their first commit, 2 had a successor that never
  counted: what it had fetched while it recovered was dropped).

So the agent handles the next record of each partition only, says so, and nothing else is committed.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, Final, cast

import aiokafka
import faust
from faust.tables.manager import TableManager
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, EventT

from workers.trends.offsets import Ledger

# Faust's 1.5 s would be waited out between the last record of the changelogs and the first of the sources: a partition
# that is resumed is not asked for before the request under way has its answer.
_FETCH_WAITS_MS: Final = 500


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    """Reads committed records only, waits briefly for them, can go back to the beginning, and notes how far it is."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:  # noqa: ANN401 - Faust's own
        consumer = super()._create_worker_consumer(transport)
        # Both are read when it starts, just after this.
        consumer._isolation_level = "read_committed"  # noqa: SLF001
        consumer._fetch_max_wait_ms = _FETCH_WAITS_MS  # noqa: SLF001
        return consumer

    async def seek_to_committed(self) -> Mapping[TP, int]:
        found: Mapping[TP, int] = await self.call_thread(self._seek_to_committed)
        return found

    async def _seek_to_committed(self) -> Mapping[TP, int]:
        consumer = self._ensure_consumer()
        committed: Mapping[TP, int] = await consumer.seek_to_committed()
        sources = (tp for tp in committed if not cast("_Consumer", self.consumer)._is_changelog_tp(tp))  # noqa: SLF001
        if from_the_beginning := [tp for tp in sources if not committed[tp]]:
            await consumer.seek_to_beginning(*from_the_beginning)
        return committed

    async def _fetch_records(self, consumer: aiokafka.AIOKafkaConsumer, *args: Any, **options: Any) -> Any:  # noqa: ANN401
        records = await super()._fetch_records(consumer, *args, **options)
        # Nothing is awaited from here on, so that positions and returned records belong together. Read from another
        # thread they did not, and 17 records in 5,000 were committed before they were counted.
        ours = cast("_Consumer", self.consumer)
        subscription = consumer._subscription.subscription  # noqa: SLF001
        assignment = subscription.assignment if subscription else None
        states = {tp: assignment.state_value(tp) for tp in assignment.tps} if assignment and assignment.active else {}
        places = {
            # aiokafka's partitions and Faust's are equal, and hash alike: both are named tuples.
            tp: (state.position, state.highwater)
            for tp, state in states.items()
            if state.has_valid_position and not ours._is_changelog_tp(tp)  # noqa: SLF001
        }
        returned = {tp: [record.offset for record in batch] for tp, batch in records.items()}
        ours.ledger.note_fetched(assignment, places, returned)
        return records


class _Consumer(driver.Consumer):
    """Commits what was handled, else where it reads next."""

    app: "CuredApp"

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401
        self.ledger: Ledger[TP] = Ledger()
        super().__init__(*args, **options)

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def sources(self) -> list[TP]:
        """The partitions assigned to us that are not changelogs."""
        return [tp for tp in self.assignment() if not self._is_changelog_tp(tp)]

    def lags(self) -> dict[TP, int | None]:
        return {tp: self.ledger.lag(tp, self._committed_offset[tp]) for tp in self.sources()}

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        # Faust's forgets what is committed before it commits a last time: then an older offset could win.
        await self.commit()
        await super().on_partitions_revoked(revoked)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Gaps do not matter to ``_new_offset``."""

    def _filter_tps_with_pending_acks(self, topics: Iterable[Any] | None = None) -> Iterator[TP]:
        return (tp for tp in self.sources() if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self.ledger.committable(tp)

    async def _handle_attached(self, commit_offsets: Mapping[TP, int]) -> None:
        # Faust's producer.flush, which follows, returns early when the broker is slow: each write is waited for here.
        await self.app.before_commit(frozenset(commit_offsets))

    async def _commit_offsets(self, offsets: Mapping[TP, int], *args: Any, **options: Any) -> bool:  # noqa: ANN401
        done = await super()._commit_offsets(offsets, *args, **options)
        if done:
            self.app.after_commit()
        return done


class _Transport(driver.Transport):
    Consumer = _Consumer


class _TableManager(TableManager):
    """Starts at once: ours has all its tables before the app starts, and Faust's waits a second for more to come."""

    async def on_start(self) -> None:
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


class CuredApp(faust.App):
    """A Faust app that is right on topics written by transactions.

    ``before_commit`` is awaited with the partitions whose offsets are about to be committed: what it has not made
    durable by then is lost when the process dies. ``after_commit`` is called when they are.
    """

    def __init__(self, name: str, **options: Any) -> None:  # noqa: ANN401 - Faust's own
        super().__init__(name, TableManager=_TableManager, **options)

    before_commit: Callable[[frozenset[TP]], Awaitable[None]]
    after_commit: Callable[[], None]

    def is_next(self, event: EventT[Any]) -> bool:
        """Whether to handle this event now. Another one was handled already, or comes again, here or elsewhere."""
        # Faust lets records of a partition whose buffer was full through while it still recovers.
        recovering = cast("TableManager", self.tables).recovery.in_recovery
        return not recovering and self._consumer_of_ours().ledger.is_next(event.message.tp, event.message.offset)

    def note_handled(self, event: EventT[Any]) -> None:
        """The event is handled: its offset may be committed."""
        self._consumer_of_ours().ledger.note_handled(event.message.tp, event.message.offset)

    def longest_wait_s(self) -> float:
        """For how long the next record of some partition was fetched and not delivered."""
        return self._consumer_of_ours().ledger.longest_wait_s() if self.is_settled() else 0.0

    async def read_again(self) -> None:
        """Go back to what is committed, in all partitions."""
        consumer = self._consumer_of_ours()
        await consumer.perform_seek()
        consumer.ledger.wait_anew()

    def sources(self) -> list[TP]:
        """The partitions that are assigned to this process and read by agents."""
        return self._consumer_of_ours().sources() if self.is_settled() else []

    def lags(self) -> dict[TP, int | None]:
        """Offsets between the end of each partition and what is committed; None while unknown."""
        return self._consumer_of_ours().lags() if self.is_settled() else {}

    def is_settled(self) -> bool:
        """Whether the tables are recovered and no rebalance is going on."""
        recovery = cast("TableManager", self.tables).recovery
        return recovery.completed.is_set() and not (self.rebalancing or recovery.in_recovery)

    def _consumer_of_ours(self) -> _Consumer:
        return cast("_Consumer", self.consumer)

    def _new_transport(self) -> _Transport:
        return _Transport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """None: tables are kept in memory and in Kafka."""
