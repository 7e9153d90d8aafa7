"""What the web view shows, as data: /trends.json is this."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from workers.trends.counting import FAILURE, GENRE, MOOD, UNSURE
from workers.trends.windows import HOUR_S, MINUTE_S, Sums, merged, window_at


@dataclass(frozen=True, slots=True)
class Period:
    """The counts of a stretch of time, names by count, the highest first."""

    since: str
    """Its start in UTC, ISO 8601; it is the timestamps of records that lie in it."""
    labels: int
    failures: int
    unsure: int
    """Labels in which nothing is likely enough to act on; their best genre is counted as the others' are."""
    unsure_share: float | None
    """Of the labels; None without any."""
    genres: dict[str, int]
    moods: dict[str, int]
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far this process is."""

    live: bool
    """Whether all that is committed upstream is counted."""
    behind: int | None
    """Offsets that are not; transaction markers are among them. None while unknown."""
    partitions: int
    """Partitions that this process counts: with several replicas each shows its own."""
    partitions_in_all: int


@dataclass(frozen=True, slots=True)
class View:
    """Everything at one moment."""

    at: str
    standing: Standing
    minute: Period
    """The last full minute and the one that is going on."""
    hour: Period
    """The last 60 full minutes and the one that is going on."""
    hours: list[Period]
    """By the clock's hours, oldest first, the last going on."""


class Counts(Protocol):
    """Where the counts are."""

    def sums(self, window_s: int, *, since_s: float, until_s: float) -> Iterable[Sums]:
        """The sums of windows in [since, until), in parts that add up."""
        ...


def view(counts: Counts, standing: Standing, *, now_s: float, n_hours: int) -> View:
    """The view at ``now_s``, seconds since 1970."""
    minute, until_s = window_at(now_s, MINUTE_S)
    hour, _ = window_at(now_s, HOUR_S)
    first_hour = hour - (n_hours - 1) * HOUR_S

    def period(window_s: int, since_s: int, until_s: int) -> Period:
        return _period(since_s, merged(counts.sums(window_s, since_s=since_s, until_s=until_s)))

    return View(
        at=_utc(now_s),
        standing=standing,
        minute=period(MINUTE_S, minute - MINUTE_S, until_s),
        hour=period(MINUTE_S, minute - HOUR_S, until_s),
        hours=[period(HOUR_S, start, start + HOUR_S) for start in range(first_hour, hour + 1, HOUR_S)],
    )


def _period(since_s: float, sums: Sums) -> Period:
    labels = sums.of(GENRE).total()
    unsure = sums.of(UNSURE).total()
    return Period(
        since=_utc(since_s),
        labels=labels,
        failures=sums.of(FAILURE).total(),
        unsure=unsure,
        unsure_share=round(unsure / labels, 4) if labels else None,
        genres=_ranked(sums.of(GENRE)),
        moods=_ranked(sums.of(MOOD)),
        reasons=_ranked(sums.of(FAILURE)),
    )


def _ranked(names: Counter[str]) -> dict[str, int]:
    return dict(sorted(names.items(), key=lambda item: (-item[1], item[0])))


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()
