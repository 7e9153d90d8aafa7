from concurrent.futures import Future

from shared.kafka.batch import batch_of, may_wait
from shared.kafka.progress import Outputs, PartitionProgress
from shared.kafka.records import Outgoing, Record


def a_partition(number: int, *, n_done: int, n_more: int = 0) -> PartitionProgress:
    progress = PartitionProgress("inbox", number)
    for offset in range(n_done + n_more):
        work: Future[Outputs] = Future()
        if offset < n_done:
            work.set_result((Outgoing("outbox", b"key", f"{number}:{offset}".encode()),))
        progress.take(Record("inbox", number, offset, timestamp_ms=0, key=b"key", value=b""), work)
    return progress


def values(outputs: list[Outgoing]) -> list[str]:
    return [(output.value or b"").decode() for output in outputs]


def test_a_batch_is_the_finished_prefix_of_each_partition() -> None:
    batch = batch_of([a_partition(0, n_done=2, n_more=1), a_partition(1, n_done=0, n_more=1)], None)

    assert values(batch.outputs) == ["0:0", "0:1"]
    assert len(batch) == 2


def test_a_batch_of_one_record_is_of_another_partition_at_each_turn() -> None:
    partitions = [a_partition(number, n_done=3) for number in range(3)]

    batches = [batch_of(partitions, None, alone=turn) for turn in (3, 2, 1)]

    assert [len(batch) for batch in batches] == [1, 1, 1]
    assert sorted(value for batch in batches for value in values(batch.outputs)) == ["0:0", "1:0", "2:0"]


def test_a_batch_of_one_record_passes_over_partitions_that_have_none() -> None:
    partitions = [a_partition(0, n_done=0, n_more=1), a_partition(1, n_done=1)]

    assert values(batch_of(partitions, None, alone=2).outputs) == ["1:0"]
    assert len(batch_of([], None, alone=2)) == 0


def test_a_full_stage_may_wait_while_more_than_half_is_at_work() -> None:
    partitions = [a_partition(0, n_done=2, n_more=3), a_partition(1, n_done=1, n_more=2)]

    assert may_wait(partitions, limit=8, since_s=0.1)


def test_a_stage_that_could_take_more_does_not_wait() -> None:
    assert not may_wait([a_partition(0, n_done=2, n_more=5)], limit=8, since_s=0.0)


def test_a_full_stage_does_not_wait_once_half_is_done_wherever_that_is() -> None:
    partitions = [a_partition(0, n_done=0, n_more=4), a_partition(1, n_done=4)]

    assert not may_wait(partitions, limit=8, since_s=0.0)


def test_a_full_stage_waits_for_a_second_at_most() -> None:
    partitions = [a_partition(0, n_done=1, n_more=7)]

    assert may_wait(partitions, limit=8, since_s=0.99)
    assert not may_wait(partitions, limit=8, since_s=1.0)


def test_a_stage_that_takes_one_at_a_time_never_waits() -> None:
    assert not may_wait([a_partition(0, n_done=1)], limit=1, since_s=0.0)
