"""A day with a peak of ten times the usual load, under the KEDA settings of deploy/kubernetes: a simulation.

    python -m benchmarks.capacity [--tracks-a-day 1000000] [--out docs/capacity.png]

Service times are those that ``docs/measured`` holds, of one core here; everything else that is assumed is a constant
of this module or of ``benchmarks.autoscaling``, and docs/capacity.md lists it. Writes
``benchmarks/results/capacity.json``.
"""

import argparse
import json
import math
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.autoscaling import SYNC_S, Autoscaler, Scaling
from benchmarks.capacity_picture import draw
from benchmarks.report import heading, write
from schemas.topics import DEFAULT_PARTITIONS
from shared.settings.kafka import KafkaSettings

ROOT: Final = Path(__file__).parents[1]
MEASURED: Final = ROOT / "docs" / "measured"
DAY_S: Final = 86_400
PEAK: Final = 10.0
PEAK_FROM_S, PEAK_FOR_S, RAMP_S = 18 * 3600, 2 * 3600, 1800
# Of deploy/kubernetes/base: cores that a replica asks for and uses.
CORES_A_REPLICA: Final = 2
# From the decision to the first record: scheduled, image there, networks loaded, partitions assigned.
START_S: Final = 30
# A change of members moves partitions; meanwhile the stage stands still.
REBALANCE_S: Final = 3
# A classifier commits what is finished: at little load each track alone, and its marker is an offset, too.
OFFSETS_A_TRACK: Final = 2.0
# Fetching, two transactions, two polls: without waiting.
UNLOADED_S: Final = 0.5


def service_ms() -> dict[str, float]:
    """Milliseconds of one core that a stage takes for a clip of 30 s."""
    throughput, cost = MEASURED / "throughput.json", MEASURED / "cost.json"
    if throughput.exists():
        by_process = json.loads(throughput.read_text())["kafka_features_on"]["by_process"]
        return {
            "extractor": by_process["extractor"] + by_process["decoder"],
            "classifier": by_process["classifier"],
        }
    found = json.loads(cost.read_text())["processor_ms"]
    return {"extractor": found["decoding"], "classifier": found["workers"]}


def arrivals_per_s(tracks_a_day: float) -> list[float]:
    """For each second of a day: level, but for one peak with ramps."""
    shape = []
    for at_s in range(DAY_S):
        up = (at_s - PEAK_FROM_S + RAMP_S) / RAMP_S
        down = (PEAK_FROM_S + PEAK_FOR_S + RAMP_S - at_s) / RAMP_S
        shape.append(1 + (PEAK - 1) * max(0.0, min(1.0, up, down)))
    total = sum(shape)
    return [tracks_a_day * one / total for one in shape]


@dataclass(slots=True)
class Stage:
    """A stage with its replicas."""

    scaler: Autoscaler
    per_replica_s: float
    """Tracks a second that one replica does."""
    at_work: int
    """Replicas that have started."""
    waiting: float = 0.0
    moving_until_s: int = 0
    replicas: list[int] = field(default_factory=list)
    lag: list[float] = field(default_factory=list)
    _starting: deque[int] = field(default_factory=deque)

    def scale(self, at_s: int, lag: float) -> None:
        """Look at the lag, and let those begin that have started."""
        if at_s % SYNC_S == 0:
            before = self.scaler.replicas
            after = self.scaler.look(at_s, lag)
            self._starting.extend([at_s + START_S] * max(after - before, 0))
            if after < before:
                self._changed(at_s, after - before)
        while self._starting and self._starting[0] <= at_s:
            self._starting.popleft()
            self._changed(at_s, 1)

    def _changed(self, at_s: int, by: int) -> None:
        self.at_work = max(1, self.at_work + by)
        self.moving_until_s = at_s + REBALANCE_S

    def done(self, at_s: int, room: float) -> float:
        """Tracks done within this second. The member with the most partitions is the slowest."""
        if at_s < self.moving_until_s:
            return 0.0
        members = DEFAULT_PARTITIONS / math.ceil(DEFAULT_PARTITIONS / self.at_work)
        done = min(self.waiting, room, members * self.per_replica_s)
        self.waiting -= done
        return done

    def note(self, lag: float) -> None:
        """For the picture."""
        self.replicas.append(self.scaler.replicas)
        self.lag.append(lag)


@dataclass(frozen=True, slots=True)
class Day:
    """What came of it, for each second."""

    arrivals: list[float]
    extractor: Stage
    classifier: Stage
    latency_s: list[float]
    """Of the track that came then."""


def simulated(tracks_a_day: float, service: dict[str, float], scaling: dict[str, Scaling]) -> Day:
    """Run a day, second by second."""
    arrivals = arrivals_per_s(tracks_a_day)
    stages = {
        name: Stage(Autoscaler(scaling[name]), CORES_A_REPLICA * 1000.0 / service[name], scaling[name].min_replicas)
        for name in ("extractor", "classifier")
    }
    extractor, classifier = stages["extractor"], stages["classifier"]
    held_at = DEFAULT_PARTITIONS * KafkaSettings().backlog_limit / OFFSETS_A_TRACK
    labeled: list[float] = []
    total = 0.0
    for at_s, arriving in enumerate(arrivals):
        extractor.waiting += arriving
        extractor.scale(at_s, extractor.waiting)
        classifier.scale(at_s, classifier.waiting * OFFSETS_A_TRACK)
        classifier.waiting += extractor.done(at_s, max(held_at - classifier.waiting, 0.0))
        total += classifier.done(at_s, math.inf)
        labeled.append(total)
        extractor.note(extractor.waiting)
        classifier.note(classifier.waiting * OFFSETS_A_TRACK)
    return Day(arrivals, extractor, classifier, _latencies_s(arrivals, labeled))


def _latencies_s(arrivals: list[float], labeled: list[float]) -> list[float]:
    """First come, first served: a track is done when as many are labeled as had come by then."""
    found, come, at = [], 0.0, 0
    for second, arriving in enumerate(arrivals):
        come += arriving
        while at < len(labeled) - 1 and labeled[at] < come - 1e-6:
            at += 1
        found.append(max(at - second, 0) + UNLOADED_S)
    return found


def percentile(day: Day, share: float) -> float:
    """Seconds within which that share of the tracks was labeled."""
    ordered = sorted(zip(day.latency_s, day.arrivals, strict=True))
    wanted, come = share * sum(day.arrivals), 0.0
    for latency, arriving in ordered:
        come += arriving
        if come >= wanted:
            return latency
    return ordered[-1][0]


def figures(day: Day) -> dict[str, Any]:
    """What the documentation says."""
    return {
        "latency_s": {"p50": percentile(day, 0.5), "p99": percentile(day, 0.99), "largest": max(day.latency_s)},
        "arrivals_per_s": {"usual": min(day.arrivals), "peak": max(day.arrivals)},
        **{
            name: {
                "most_replicas": max(stage.replicas),
                "replica_hours": sum(stage.replicas) / 3600,
                "largest_lag": max(stage.lag),
            }
            for name, stage in (("extractor", day.extractor), ("classifier", day.classifier))
        },
    }


def main() -> None:
    """Simulate, print, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks-a-day", type=float, default=1e6)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "capacity.png")
    arguments = parser.parse_args()
    folder = ROOT / "deploy" / "kubernetes" / "scaling"
    scaling = {
        name: Scaling.of(yaml.safe_load((folder / f"{name}.yaml").read_text())) for name in ("extractor", "classifier")
    }
    service = service_ms()
    day = simulated(arguments.tracks_a_day, service, scaling)
    found = figures(day)
    print(f"service times {service} ms of one core; {found['arrivals_per_s']}")
    print(f"latency {found['latency_s']}")
    for name in ("extractor", "classifier"):
        print(f"{name}: {found[name]}")
    draw(day, arguments.out, title=f"{arguments.tracks_a_day:,.0f} tracks a day, a peak of ten times the usual")
    scalings = {name: asdict(one) for name, one in scaling.items()}
    write("capacity", {**heading(), "service_ms": service, "scaling": scalings, **found})


if __name__ == "__main__":
    main()
