"""How the pipeline stands, from what its workers serve at /metrics. Pure."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from schemas.topics import TRACKS_FEATURES
from shared.metrics.reading import Snapshot, between, quantile, together

# Rates and quantiles are of so long: short enough to see a change, long enough that a slow track is no dip.
WINDOW_S: Final = 20.0
_STREAM: Final = "needledrop_stream"
_SHOWN_GENRES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStanding:
    """One stage over the last window, all its workers together."""

    stage: str
    n_workers: int
    per_s: float
    """Records committed."""
    lag: int
    """Offsets; transaction markers count."""
    n_in_flight: int
    in_flight_limit: int
    p50_s: float | None
    p99_s: float | None
    failures: Mapping[str, int]
    """By reason, since the first look."""
    held_back: bool

    @property
    def left_s(self) -> float | None:
        """Until its lag is worked off at this rate; 0 without any, None when nothing moves.

        A record is two offsets at most, so it may be over in half the time.
        """
        if not self.lag:
            return 0.0
        return self.lag / self.per_s if self.per_s else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The whole pipeline over the last window."""

    stages: Sequence[StageStanding]
    silent: Sequence[str]
    """Addresses that do not answer, each with its stage where it once did."""
    labels_per_s: float
    p50_s: float | None
    """From a submission to its committed outcome."""
    p99_s: float | None
    cache_hits: float | None
    """Share of lookups, None without any."""
    cache_unavailable: bool
    unsure: float | None
    """Share of labels."""
    genres: Sequence[tuple[str, float]] = field(default=())
    """The most frequent first genres and their shares."""
    left_s: float | None
    """Until the backlog is worked off at this rate; 0 without one, None when nothing moves."""


class History:
    """The last snapshots of each worker, by address."""

    def __init__(self) -> None:
        self._first: dict[str, Snapshot] = {}
        self._recent: dict[str, deque[Snapshot]] = {}
        self._silent: tuple[str, ...] = ()

    def add(self, found: Mapping[str, Snapshot | None]) -> None:
        """Note what each address served just now, None when it did not answer."""
        self._silent = tuple(address for address, snapshot in found.items() if snapshot is None)
        for address, snapshot in found.items():
            recent = self._recent.setdefault(address, deque())
            if snapshot is None:
                recent.clear()
                continue
            self._first.setdefault(address, snapshot)
            recent.append(snapshot)
            while len(recent) > 2 and recent[1].at_s <= snapshot.at_s - WINDOW_S:
                recent.popleft()

    def standing(self) -> Standing:
        """How it stands now."""
        answering = [address for address, recent in self._recent.items() if recent]
        now = [self._recent[address][-1] for address in answering]
        recent = [(self._recent[address][0], self._recent[address][-1]) for address in answering]
        growth = together(between(first, last) for first, last in recent)
        since_first = together(between(self._first[address], self._recent[address][-1]) for address in answering)
        seconds = max((last.at_s - first.at_s for first, last in recent), default=0.0)
        stages = [_stage(stage, now, growth, since_first, seconds) for stage in _stages(now)]
        labels = growth.by("genre", "needledrop_classifier_labels_total")
        n_labels = sum(labels.values())
        lookups = growth.by("outcome", "needledrop_extractor_result_lookups_total")
        n_hits = lookups.get("hit", 0.0)
        n_lookups = n_hits + lookups.get("miss", 0.0)
        return Standing(
            stages=stages,
            silent=[self._known(address) for address in self._silent],
            labels_per_s=n_labels / seconds if seconds else 0.0,
            p50_s=quantile(0.5, growth, f"{_STREAM}_end_to_end_seconds"),
            p99_s=quantile(0.99, growth, f"{_STREAM}_end_to_end_seconds"),
            cache_hits=n_hits / n_lookups if n_lookups else None,
            cache_unavailable=lookups.get("unavailable", 0.0) > 0,
            unsure=growth.sum("needledrop_classifier_unsure_total") / n_labels if n_labels else None,
            genres=[(genre, n / n_labels) for genre, n in list(labels.items())[:_SHOWN_GENRES] if n],
            left_s=None if self._is_a_stage_gone(stages) else _left_s(stages, growth),
        )

    def _is_a_stage_gone(self, stages: Sequence[StageStanding]) -> bool:
        """Whether one of those that once answered no longer does, with none of its workers."""
        once = _stages([self._first[address] for address in self._silent if address in self._first])
        return not set(once) <= {stage.stage for stage in stages}

    def _known(self, address: str) -> str:
        stages = _stages([self._first[address]]) if address in self._first else []
        return f"{' and '.join(stages)} at {address}" if stages else address


def _stages(now: Iterable[Snapshot]) -> list[str]:
    """The stages that answer, in the order of the flow; those that we do not know are last."""
    flow = ("extractor", "classifier", "projector", "trends", "catalog")
    found = {stage for snapshot in now for stage in snapshot.by("stage", f"{_STREAM}_records_taken_total")}
    return sorted(found, key=lambda stage: (flow.index(stage) if stage in flow else len(flow), stage))


def _stage(
    stage: str, now: Sequence[Snapshot], growth: Snapshot, since_first: Snapshot, seconds: float
) -> StageStanding:
    all_now = together(now)
    failures = since_first.by("reason", f"{_STREAM}_outcomes_total", stage=stage, outcome="failed")
    return StageStanding(
        stage=stage,
        n_workers=sum(1 for one in now if one.by("stage", f"{_STREAM}_records_taken_total", stage=stage)),
        per_s=_n_done(stage, growth) / seconds if seconds else 0.0,
        lag=int(all_now.sum(f"{_STREAM}_consumer_lag", stage=stage)),
        n_in_flight=int(all_now.sum(f"{_STREAM}_records_in_flight", stage=stage)),
        in_flight_limit=int(all_now.sum(f"{_STREAM}_records_in_flight_limit", stage=stage)),
        p50_s=quantile(0.5, growth, f"{_STREAM}_handle_seconds", stage=stage),
        p99_s=quantile(0.99, growth, f"{_STREAM}_handle_seconds", stage=stage),
        failures={reason: int(n) for reason, n in failures.items() if n},
        held_back=all_now.sum(f"{_STREAM}_held_back", stage=stage) > 0,
    )


def _n_done(stage: str, growth: Snapshot) -> float:
    if stage == "trends":  # Faust commits there, and our loop counts nothing
        return growth.sum("needledrop_trends_records_total")
    return growth.sum(f"{_STREAM}_records_committed_total", stage=stage)


def _left_s(stages: Sequence[StageStanding], growth: Snapshot) -> float | None:
    """The slowest stage decides; the classifier has before it what the extractor will pass on, too."""
    waits = [_wait_s(stage, _coming(stage, stages, growth)) for stage in stages]
    known = [wait for wait in waits if wait is not None]
    return max(known, default=0.0) if len(known) == len(waits) else None


def _wait_s(stage: StageStanding, n_coming: float) -> float | None:
    if n_coming and stage.per_s:
        return (stage.lag + n_coming) / stage.per_s
    return stage.left_s


def _coming(stage: StageStanding, stages: Sequence[StageStanding], growth: Snapshot) -> float:
    """Records before the extractor that will get to the classifier: as large a share as got there lately."""
    n_taken = growth.sum(f"{_STREAM}_records_committed_total", stage="extractor")
    if stage.stage != "classifier" or not n_taken:
        return 0.0
    n_passed = growth.sum(f"{_STREAM}_records_written_total", stage="extractor", topic=TRACKS_FEATURES.name)
    return sum(one.lag for one in stages if one.stage == "extractor") * n_passed / n_taken
