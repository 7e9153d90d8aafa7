"""A worker with a planted bug, to see that the harness finds it: it commits offsets before it writes their outputs."""

import sys
import time
from collections.abc import Sequence

from confluent_kafka import TopicPartition

from shared.kafka import commits
from shared.kafka.records import Outgoing
from shared.kafka.transactions import Ending, Transactions

# Between the two a kill loses records; so long that one of thirty random kills does.
_BETWEEN_S = 0.2


class OffsetsFirst(Transactions):
    """The bug."""

    def commit(self, outputs: Sequence[Outgoing], offsets: list[TopicPartition]) -> Ending:
        ending = super().commit([], offsets)
        if ending is not Ending.COMMITTED or not outputs:
            return ending
        time.sleep(_BETWEEN_S)
        return super().commit(outputs, [])


def plant() -> None:
    """Have every stream of this process do so."""
    commits.Transactions = OffsetsFirst  # type: ignore[attr-defined]


if __name__ == "__main__":
    from workers.cli.main import main

    plant()
    sys.argv[1:1] = ["worker"]
    main()
