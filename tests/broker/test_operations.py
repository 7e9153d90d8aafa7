"""Dashboards and alerts at work: a real Prometheus scrapes real workers on a real Kafka, and things go wrong.

The rules are the shipped ones with shorter times. `make ops-test` runs this with longer ones.
"""

import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.grafana.draw import asking, save
from deploy.grafana.queries import Query, pages
from shared.embedded.ports import free_port
from tests.broker.chaos.pipeline import pipeline
from tests.broker.operations.accidents import (
    CLASSIFIER_STOPPED,
    FLOOD,
    HOST_SLOW,
    REDIS_AWAY,
    RESTARTS,
    SLOT_TAKEN,
    rare_accidents,
    usual_accidents,
)
from tests.broker.operations.audio_host import FLAKY, audio_host
from tests.broker.operations.load import Load
from tests.broker.operations.operating import RATE_INTERVAL, Pace, Seen, operate
from tests.broker.operations.prometheus_server import PrometheusServer, prometheus_program
from tests.broker.operations.shortening import Shortening, local_configuration
from tests.tunes import write_noise, write_tune

pytestmark = pytest.mark.broker

PROMETHEUS = Path(__file__).parents[2] / "deploy" / "prometheus"
LONG = bool(os.environ.get("NEEDLEDROP_TEST_LONG"))
# A minute is a second, and nothing takes longer than a scrape a second needs to see it: six hours are as ten minutes.
SHORTENING = Shortening(1 / 20, 30.0, 15.0) if LONG else Shortening(1 / 60, 10.0, 5.0)
PACE = Pace(60.0, 90.0, 120.0) if LONG else Pace(14.0, 40.0, 60.0)
PICTURE = os.environ.get("NEEDLEDROP_TEST_PICTURE")  # where to draw all dashboards afterwards
ALERTS = [*REDIS_AWAY, *CLASSIFIER_STOPPED, *HOST_SLOW, *FLOOD, *((*RESTARTS, *SLOT_TAKEN) if LONG else ())]
N_TUNES = 12
MEMBERS = dict.fromkeys(("extractor", "classifier", "projector", "trends", "catalog"), 1)
SETTINGS = {
    "NEEDLEDROP_MEDIA_ALLOW_PRIVATE_ADDRESSES": "true",  # the host of audio is on this machine
    "NEEDLEDROP_KAFKA_BACKLOG_LIMIT": "16",  # so that the extractor is soon held back
}


@pytest.fixture(scope="module")
def prometheus_and_seen(
    kafka_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[PrometheusServer, Seen]]:
    prometheus_program()  # before all else is started
    folder = tmp_path_factory.mktemp("operations")
    (folder / "music").mkdir()
    tunes = [write_tune(folder / "music" / f"{n}.ogg", seed=n) for n in range(N_TUNES)]
    rules = {path.name: SHORTENING.rules(path.read_text()) for path in (PROMETHEUS / "rules").glob("*.yml")}
    with ExitStack() as parts:
        host = parts.enter_context(audio_host(write_tune(folder / "host.wav", seed=99)))
        running = parts.enter_context(
            pipeline(kafka_home, folder / "music", folder, members=MEMBERS, more_settings=SETTINGS)
        )
        port = free_port()
        configuration = local_configuration(
            PROMETHEUS / "prometheus.yml", SHORTENING, running.fleet.http_ports, own_port=port
        )
        prometheus = parts.enter_context(
            PrometheusServer(folder / "prometheus", port, configuration=configuration, rules=rules)
        )
        tunes.append(write_noise(folder / "music" / "noise.ogg"))  # which the ensemble is unsure of
        known = [*(tune.as_uri() for tune in tunes), *(f"{host.address}/{FLAKY}-{n}.wav" for n in range(3))]
        (folder / "music" / "text.ogg").write_text("no audio " * 1000)
        bad = [(folder / "music" / name).as_uri() for name in ("text.ogg", *(f"missing-{n}.ogg" for n in range(9)))]
        catalog = f"http://127.0.0.1:{running.catalog_port}/api/tracks"
        with Load(running.kafka, _known_and_new(known, folder / "music"), bad, catalog) as load:
            accidents = [*usual_accidents(running, load, host), *(rare_accidents(running) if LONG else ())]
            seen = operate(running, prometheus, load, accidents, PACE)
        if PICTURE:
            save(asking(prometheus.url, seen.began, seen.ended, RATE_INTERVAL), Path(PICTURE), stage="extractor")
        yield prometheus, seen


@pytest.fixture(scope="module")
def prometheus(prometheus_and_seen: tuple[PrometheusServer, Seen]) -> PrometheusServer:
    return prometheus_and_seen[0]


@pytest.fixture(scope="module")
def seen(prometheus_and_seen: tuple[PrometheusServer, Seen]) -> Seen:
    return prometheus_and_seen[1]


# It waits for labels.
@pytest.mark.timeout(600)
def test_nothing_fires_while_nothing_is_wrong(seen: Seen) -> None:
    assert seen.firing_under_load == set()


def test_every_query_of_every_panel_returns_data_under_load(seen: Seen) -> None:
    shown = {_panel(query) for query, values in seen.under_load.items() if values}
    empty = [query for query, values in seen.under_load.items() if not values]

    assert empty == []
    assert len(shown) == sum(panel["type"] != "row" for page in pages() for panel in page["panels"])


def test_every_panel_has_had_something_to_show(seen: Seen) -> None:
    shown: dict[tuple[str, int, str], list[float]] = {}
    for query, values in seen.in_all.items():
        shown.setdefault(_panel(query), []).extend(values)

    nothing = {panel for panel, values in shown.items() if not any(values)}
    assert nothing == set()


@pytest.mark.parametrize("alert", ALERTS)
def test_alert_is_pending_then_fires_then_is_resolved(alert: str, prometheus: PrometheusServer, seen: Seen) -> None:
    def moments(state: str) -> list[float]:
        series = prometheus.history(
            f'ALERTS{{alertname="{alert}", alertstate="{state}"}}', seen.provoked_at[alert], seen.ended, step_s=0.5
        )
        return sorted(at for one in series for at, _ in one)

    pending, firing = moments("pending"), moments("firing")
    assert firing, "it never fired"
    if alert in (*RESTARTS, *SLOT_TAKEN):
        assert pending == []  # they are told at once
    else:
        assert pending[0] < firing[0]
    assert alert not in seen.firing_at_the_end


def _known_and_new(known: Sequence[str], folder: Path) -> Iterator[str]:
    """Each fourth is a tune that nobody has heard: what is known is neither analysed nor classified again."""
    for n, uri in enumerate(itertools.cycle(known)):
        yield write_tune(folder / f"new-{n}.ogg", seed=1000 + n).as_uri() if n % 4 == 3 else uri


def _panel(query: Query) -> tuple[str, int, str]:
    return query.dashboard, query.number, query.panel
