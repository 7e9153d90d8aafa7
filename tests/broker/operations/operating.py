"""A pipeline under load, and then accidents, one after the other, watched by Prometheus."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from deploy.grafana.queries import Query, choices, pages, queries_of
from tests.broker.chaos.pipeline import Pipeline
from tests.broker.operations.accidents import Accident, kill_a_decoder
from tests.broker.operations.load import Load
from tests.broker.operations.prometheus_server import PrometheusServer

GOOD_PER_S = 5.0
RATE_INTERVAL = "5s"
_LOOK_EVERY_S = 0.2
_LABELED_WITHIN_S = 60.0


@dataclass(frozen=True)
class Pace:
    """How long things take."""

    load_s: float
    """Of load while nothing is wrong."""
    fires_within_s: float
    resolved_within_s: float


@dataclass
class Seen:
    """What Prometheus had to say."""

    began: float
    """Seconds since 1970."""
    provoked_at: dict[str, float] = field(default_factory=dict)
    """When what an alert is for began."""
    firing_under_load: set[str] = field(default_factory=set)
    under_load: dict[Query, list[float]] = field(default_factory=dict)
    """All values of each panel's queries under load, before anything was wrong."""
    in_all: dict[Query, list[float]] = field(default_factory=dict)
    """The same over the whole time."""
    firing_at_the_end: set[str] = field(default_factory=set)
    ended: float = 0.0


def operate(
    pipeline: Pipeline, prometheus: PrometheusServer, load: Load, accidents: Sequence[Accident], pace: Pace
) -> Seen:
    """Do it all, and print what happens; what does not come in time is missing in the result."""
    seen = Seen(time.time())

    def say(what: str) -> None:
        print(f"{time.time() - seen.began:5.1f} s: {what}")

    load.good_per_s = GOOD_PER_S
    labels = 'sum(needledrop_stream_outcomes_total{outcome="labeled"})'
    assert _until(lambda: _number(prometheus, labels) > 0, _LABELED_WITHIN_S), pipeline.fleet.words()
    say("labels come")
    time.sleep(pace.load_s / 2)
    kill_a_decoder(pipeline)
    time.sleep(pace.load_s / 2)
    seen.firing_under_load = _firing(prometheus)
    seen.under_load = _values(prometheus, seen.began)  # what is new is analysed first, then it is known
    for accident in accidents:
        say(accident.what)
        seen.provoked_at |= dict.fromkeys(accident.alerts, time.time())
        accident.begin()
        say(_fired(prometheus, accident.alerts, pace.fires_within_s))
        accident.end()
    say("nothing is wrong any more")
    _until(lambda: not _firing(prometheus) & seen.provoked_at.keys(), pace.resolved_within_s)
    seen.firing_at_the_end = _firing(prometheus)
    say(f"firing: {', '.join(seen.firing_at_the_end) or 'none'}")
    seen.in_all = _values(prometheus, seen.began)
    seen.ended = time.time()
    return seen


def _fired(prometheus: PrometheusServer, alerts: Sequence[str], within_s: float) -> str:
    """Wait until each has; words about it."""
    waits = set(alerts)

    def all_have() -> bool:
        waits.difference_update(_firing(prometheus))
        return not waits

    return f"fired: {', '.join(alerts)}" if _until(all_have, within_s) else f"did not fire: {', '.join(waits)}"


def _until(holds: Callable[[], bool], within_s: float) -> bool:
    """Whether it held in time."""
    deadline = time.monotonic() + within_s
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)
    return held


def _firing(prometheus: PrometheusServer) -> set[str]:
    return {one["metric"]["alertname"] for one in prometheus.query('ALERTS{alertstate="firing"}')}


def _number(prometheus: PrometheusServer, expression: str) -> float:
    return sum(float(one["value"][1]) for one in prometheus.query(expression))


def _values(prometheus: PrometheusServer, since: float) -> dict[Query, list[float]]:
    queries = {
        query
        for page in pages()
        for panel in page["panels"]
        for stage in choices(page)
        for query in queries_of(page, panel, stage, RATE_INTERVAL)
    }
    return {
        query: [
            value
            for series in prometheus.history(query.expression, since, time.time(), step_s=1.0)
            for _, value in series
        ]
        for query in queries
    }
