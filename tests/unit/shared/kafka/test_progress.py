from collections.abc import Sequence
from concurrent.futures import Future

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kafka.faults import AbandonedError
from shared.kafka.progress import PartitionProgress
from shared.kafka.records import Outgoing, Record

Work = Future[Sequence[Outgoing]]


def a_record(offset: int) -> Record:
    return Record("inbox", 0, offset, timestamp_ms=0, key=b"k", value=b"v")


def a_progress(n_records: int) -> tuple[PartitionProgress, list[Work]]:
    progress = PartitionProgress("inbox", 0)
    works: list[Work] = [Future() for _ in range(n_records)]
    for offset, work in enumerate(works):
        assert progress.is_new(offset)
        progress.take(a_record(offset), work)
    return progress, works


def finished_offsets(progress: PartitionProgress) -> list[int]:
    return [item.record.offset for item in progress.finished()]


@given(st.lists(st.booleans(), max_size=12))
def test_progress_gives_the_longest_prefix_whose_work_is_done(done: list[bool]) -> None:
    progress, works = a_progress(len(done))
    for work, is_done in zip(works, done, strict=True):
        if is_done:
            work.set_result(())

    assert finished_offsets(progress) == list(range([*done, False].index(False)))


def test_progress_goes_on_behind_what_was_committed() -> None:
    progress, works = a_progress(3)
    for work in works:
        work.set_result(())

    progress.commit(2, offset=2)

    assert finished_offsets(progress) == [2]
    assert progress.committed == 2


def test_progress_ends_at_a_record_that_was_abandoned_and_does_not_raise() -> None:
    progress, works = a_progress(3)
    works[0].set_result(())
    works[1].set_exception(AbandonedError("the worker stops"))
    works[2].set_result(())

    assert finished_offsets(progress) == [0]


def test_progress_raises_what_escaped_a_handler_after_the_records_before_it() -> None:
    progress, works = a_progress(2)
    works[0].set_result(())
    works[1].set_exception(ZeroDivisionError())
    finished = progress.finished()

    assert next(finished).record.offset == 0
    with pytest.raises(ZeroDivisionError):
        next(finished)


def test_progress_cancels_what_has_not_begun_when_it_is_dropped() -> None:
    progress, works = a_progress(2)
    works[0].set_running_or_notify_cancel()

    progress.drop()

    assert [work.cancelled() for work in works] == [False, True]
    assert finished_offsets(progress) == []


def test_progress_takes_an_offset_once() -> None:
    progress = PartitionProgress("inbox", 0)

    assert [progress.is_new(offset) for offset in (5, 5, 4, 6)] == [True, False, False, True]


def test_progress_has_nothing_left_behind_a_record_until_another_was_polled() -> None:
    progress, _ = a_progress(2)

    assert progress.is_last_polled(a_record(1))
    assert not progress.is_last_polled(a_record(0))
    assert progress.is_new(7)
    assert not progress.is_last_polled(a_record(1))
