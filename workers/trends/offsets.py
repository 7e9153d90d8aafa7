"""Which offset may be committed."""

from typing import NamedTuple


class Fetched(NamedTuple):
    """What the consumer's thread knows of one partition, all of it taken at the same moment."""

    position: int
    """Where it reads next: behind what it returned, and behind transaction markers and aborted records after that."""
    returned: int | None
    """Offset of the last record that it returned since the partition was assigned."""
    end: int | None
    """The high watermark as the last fetch had it."""


def committable(handled: int | None, fetched: Fetched | None) -> int | None:
    """The offset to commit, None when nothing is known to be done.

    Markers have offsets, too: once everything that was returned is handled, the position is the only offset that
    reaches the end of the partition. ``handled`` is the last record that was handled, all before it being handled, too.
    """
    if fetched and (fetched.returned is None or (handled is not None and handled >= fetched.returned)):
        return fetched.position if handled is None else max(fetched.position, handled + 1)
    return None if handled is None else handled + 1


def lag(committed: int | None, fetched: Fetched | None) -> int | None:
    """How many offsets lie between what is committed and the end; None while either is unknown."""
    if fetched is None or fetched.end is None or committed is None:
        return None
    return max(fetched.end - committed, 0)
