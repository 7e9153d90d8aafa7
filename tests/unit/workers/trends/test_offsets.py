from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.trends.offsets import Ledger


class ManualClock:
    """Goes when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Consumer:
    """One partition and its ledger: fetching moves a position, as a client does."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.ledger: Ledger[str] = Ledger(self.clock)
        self.assignment = object()

    def fetch(self, offsets: Sequence[int], position: int, end: int | None = None) -> None:
        self.ledger.note_fetched(self.assignment, {"p": (position, end)}, {"p": offsets})

    def handle(self, *offsets: int) -> list[int]:
        """Offer these; those that were handled."""
        taken = []
        for offset in offsets:
            if self.ledger.is_next("p", offset):
                self.ledger.note_handled("p", offset)
                taken.append(offset)
        return taken

    @property
    def committable(self) -> int | None:
        return self.ledger.committable("p")


def test_nothing_can_be_committed_before_anything_is_known() -> None:
    assert Consumer().committable is None


def test_position_can_be_committed_when_only_markers_and_aborted_records_were_there() -> None:
    consumer = Consumer()
    consumer.fetch([], position=7)

    assert consumer.committable == 7


def test_first_record_that_is_not_handled_is_what_can_be_committed() -> None:
    consumer = Consumer()
    consumer.fetch([2, 4, 5], position=8)

    assert consumer.committable == 2
    assert consumer.handle(2, 4) == [2, 4]
    assert consumer.committable == 5


def test_position_can_be_committed_when_all_is_handled_and_a_marker_follows() -> None:
    consumer = Consumer()
    consumer.fetch([2, 4, 5], position=8)
    consumer.handle(2, 4, 5)

    assert consumer.committable == 8


def test_record_behind_one_that_was_dropped_is_not_next() -> None:
    consumer = Consumer()
    consumer.fetch([2, 3], position=4)
    consumer.fetch([4, 5], position=6)

    assert consumer.handle(4, 5) == []
    assert consumer.committable == 2


def test_records_that_were_dropped_are_next_when_reading_goes_back() -> None:
    consumer = Consumer()
    consumer.fetch([2, 3], position=4)
    consumer.fetch([4, 5], position=6)
    consumer.handle(4)

    consumer.fetch([2, 3, 4], position=5)

    assert consumer.handle(4, 5, 2, 3, 4) == [2, 3, 4]
    assert consumer.committable == 5


def test_records_that_were_handled_do_not_wait_again_when_reading_goes_back() -> None:
    consumer = Consumer()
    consumer.fetch([2, 3, 4], position=6)
    consumer.handle(2, 3)

    consumer.fetch([2], position=3)
    assert consumer.committable == 4

    consumer.fetch([3, 4], position=6)
    assert consumer.handle(2, 3, 4) == [4]
    assert consumer.committable == 6


def test_new_assignment_forgets_what_was_returned_before() -> None:
    consumer = Consumer()
    consumer.fetch([2, 3], position=4)

    consumer.assignment = object()
    consumer.fetch([], position=2)

    assert consumer.handle(2, 3) == []
    assert consumer.committable == 2


def test_partition_that_is_not_assigned_is_not_followed() -> None:
    ledger: Ledger[str] = Ledger()
    ledger.note_fetched(object(), {}, {"p": [1]})

    assert not ledger.is_next("p", 1)
    assert ledger.committable("p") is None


@pytest.mark.parametrize(
    ("committed", "position", "end", "expected"),
    [(5, 7, 9, 4), (9, 9, 9, 0), (9, 9, 7, 0), (None, 7, 9, None), (5, 7, None, None)],
)
def test_lag_is_known_when_both_ends_are(
    committed: int | None, position: int, end: int | None, expected: int | None
) -> None:
    consumer = Consumer()
    consumer.fetch([], position, end)

    assert consumer.ledger.lag("p", committed) == expected


def test_wait_is_that_of_the_record_that_is_next() -> None:
    consumer = Consumer()
    assert consumer.ledger.longest_wait_s() == 0
    consumer.fetch([1, 2], position=3)
    consumer.clock.now_s += 4
    consumer.fetch([3], position=4)

    assert consumer.ledger.longest_wait_s() == 4
    consumer.handle(1)
    assert consumer.ledger.longest_wait_s() == 0
    consumer.clock.now_s += 2
    consumer.handle(2, 3)
    assert consumer.ledger.longest_wait_s() == 0


def test_wait_begins_again_when_reading_goes_back() -> None:
    consumer = Consumer()
    consumer.fetch([1, 2], position=3)
    consumer.clock.now_s += 20

    consumer.fetch([1, 2], position=3)

    assert consumer.ledger.longest_wait_s() == 0


def test_waits_are_counted_anew_when_something_was_done() -> None:
    consumer = Consumer()
    consumer.fetch([1, 2], position=3)
    consumer.clock.now_s += 20

    consumer.ledger.wait_anew()
    consumer.clock.now_s += 1

    assert consumer.ledger.longest_wait_s() == 1


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("deliver"), st.integers(1, 5)),
            st.tuples(st.just("drop"), st.integers(1, 5)),
            st.tuples(st.just("handle"), st.integers(1, 6)),
            st.tuples(st.just("seek"), st.just(0)),
            st.tuples(st.just("rebalance"), st.just(0)),
        ),
        max_size=60,
    )
)
def test_what_is_committed_was_handled_in_order_whatever_is_dropped_or_comes_again(
    steps: list[tuple[str, int]],
) -> None:
    """A partition of even offsets, odd ones being markers; batches may be lost between fetching and delivering."""
    consumer = Consumer()
    position = committed = 0
    queue: list[int] = []
    handled: list[int] = []
    for step, n in steps:
        if step in ("deliver", "drop"):
            batch = [position + 2 * i for i in range(n)]
            position += 2 * n
            consumer.fetch(batch, position)
            queue += batch if step == "deliver" else []
        elif step == "handle":
            handled += consumer.handle(*queue[:n])
            del queue[:n]
        else:
            if step == "rebalance":
                consumer.assignment = object()
                consumer.fetch([], committed)
            position = committed
        if (found := consumer.committable) is not None:
            committed = max(committed, found)

        assert set(range(0, committed, 2)) <= set(handled)
        firsts = list(dict.fromkeys(handled))
        assert firsts == sorted(firsts)
