from collections.abc import Sequence
from concurrent.futures import Future

from shared.kafka.records import Outgoing
from workers.projector.main import parts_of

Batch = Future[Sequence[Outgoing]]


def test_the_rest_of_a_batch_is_written_when_one_of_its_partitions_is_lost() -> None:
    batch: Batch = Future()
    lost, kept = parts_of(batch, 2)

    assert lost.cancel()
    assert not batch.cancelled()
    batch.set_result(())

    assert kept.result(0) == ()


def test_every_record_of_a_batch_fails_as_the_batch_does() -> None:
    batch: Batch = Future()
    parts = parts_of(batch, 2)
    error = RuntimeError("Redis refuses us")

    batch.set_exception(error)

    assert [part.exception(0) for part in parts] == [error, error]
