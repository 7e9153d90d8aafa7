"""Counts by window: their keys and values, counting each record once, and sums over them.

A table holds, for every window, ``partition|kind|name`` -> ``[n, last_offset]``. Partitions keep counts of their own,
so that a redelivered record is recognised: its offset is not above the last one that its key counted. Readers add up.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Final, NamedTuple

from schemas.topics import TRACKS_FAILED, TRACKS_LABELED

MINUTE_S: Final = 60
HOUR_S: Final = 3600
WINDOWS_S: Final = (MINUTE_S, HOUR_S)
# A record from further ahead has a wrong clock, and would be "now" until then.
AHEAD_S: Final = HOUR_S

SOURCES: Final = (TRACKS_LABELED.name, TRACKS_FAILED.name)

WindowKey = tuple[str, tuple[int, int]]
"""``partition|kind|name`` and the window, [start, end) in seconds since 1970: as Faust keys windowed tables."""
Count = list[int]
"""``[n, last_offset]``."""
Name = tuple[str, str]
"""A kind and a name of that kind: ("genre", "jazz")."""


class Sighting(NamedTuple):
    """Where and when a record was seen; the time is its timestamp's."""

    partition: int
    offset: int
    timestamp_s: float


def table_name(topic: str, window_s: int) -> str:
    """The table that holds the counts of one topic: ``tracks.labeled.v1-by-minute``."""
    return f"{topic}-by-{'minute' if window_s == MINUTE_S else 'hour'}"


def kept_s(window_s: int, hours_kept: int) -> int:
    """How far back records are counted: minutes for the last hour and the minute that is going on, hours as asked."""
    return HOUR_S + 2 * MINUTE_S if window_s == MINUTE_S else (hours_kept + 1) * HOUR_S


def changelog_name(group: str, topic: str, window_s: int) -> str:
    """The topic that keeps such a table, as Faust names it."""
    return f"{group}-{table_name(topic, window_s)}-changelog"


def changelog_sources(group: str) -> dict[str, str]:
    """Every topic that this worker writes, with the one whose number of partitions it must have."""
    return {changelog_name(group, topic, window_s): topic for topic in SOURCES for window_s in WINDOWS_S}


def window_at(timestamp_s: float, window_s: int) -> tuple[int, int]:
    """The window that a moment lies in."""
    start = int(timestamp_s // window_s) * window_s
    return start, start + window_s


def partition_of(key: WindowKey) -> int:
    """The partition whose records a key counts."""
    return int(key[0].partition("|")[0])


def count(table: MutableMapping[WindowKey, Count], window_s: int, seen: Sighting, names: Iterable[Name]) -> bool:
    """Count a record under each of its names; False when it was counted before."""
    window = window_at(seen.timestamp_s, window_s)
    news = False
    for kind, name in names:
        key = (f"{seen.partition}|{kind}|{name}", window)
        n, last = table.get(key) or (0, -1)
        if seen.offset > last:
            table[key] = [n + 1, seen.offset]
            news = True
    return news


def is_kept(timestamp_s: float, *, kept_s: float, now_s: float) -> bool:
    """Whether a record still belongs into windows that reach back ``kept_s``."""
    return now_s - kept_s <= timestamp_s <= now_s + AHEAD_S


def outdated(keys: Iterable[WindowKey], *, kept_s: float, now_s: float) -> list[WindowKey]:
    """The keys whose windows ended more than ``kept_s`` ago."""
    return [key for key in keys if key[1][1] <= now_s - kept_s]


class Sums(dict[str, Counter[str]]):
    """Counts by kind, then by name: ``sums.of("genre")["jazz"]``."""

    def of(self, kind: str) -> Counter[str]:
        """The counts of one kind; empty when there are none."""
        return self.get(kind, Counter())


def sums(
    counts: Iterable[tuple[WindowKey, Count]], *, since_s: float, until_s: float, partitions: frozenset[int]
) -> Sums:
    """Add up all windows that lie in [since, until), of these partitions."""
    found = Sums()
    for (text, (start, end)), (n, _) in counts:
        if start >= since_s and end <= until_s:
            partition, kind, name = text.split("|", 2)
            if int(partition) in partitions:
                found.setdefault(kind, Counter())[name] += n
    return found


def merged(several: Iterable[Mapping[str, Counter[str]]]) -> Sums:
    """The sums of several tables in one."""
    found = Sums()
    for one in several:
        for kind, names in one.items():
            found.setdefault(kind, Counter()).update(names)
    return found
