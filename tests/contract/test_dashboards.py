"""The dashboards: complete, and about metrics that the code has. broker/test_operations.py runs their queries."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.grafana.draw import Asking, said, save
from deploy.grafana.generate import DASHBOARDS, FOLDER, text_of
from deploy.grafana.panels import DATASOURCE, STAGES, Dashboard, Panel
from deploy.grafana.queries import Query, choices, pages, queries_of
from shared.embedded.ports import free_port
from tests.contract.expressions import names_in
from tests.contract.test_alerts import METRICS, RECORDED, selectors_in

ROOT = Path(__file__).parents[2]
# Grafana's names; a misspelt one is shown as a bare number.
UNITS = {"ops", "short", "s", "percentunit", "bytes"}
OF_PROCESSES = {"process_cpu_seconds_total", "process_resident_memory_bytes"}
ALL_PANELS = [
    pytest.param(panel, id=f"{dashboard.uid}: {panel.title}")
    for dashboard in DASHBOARDS
    for row in dashboard.rows
    for panel in row.panels
]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
def test_dashboard_file_is_that_of_the_code(dashboard: Dashboard) -> None:
    assert (FOLDER / f"{dashboard.uid}.json").read_text(encoding="utf-8") == text_of(dashboard), "run `make schemas`"


def test_there_are_no_other_dashboards() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {dashboard.uid for dashboard in DASHBOARDS}


@pytest.mark.parametrize("panel", ALL_PANELS)
def test_panel_says_what_it_shows_in_a_unit_that_grafana_knows(panel: Panel) -> None:
    assert panel.what.endswith(".")
    assert panel.unit in UNITS
    assert panel.queries


@pytest.mark.parametrize("panel", ALL_PANELS)
def test_panel_reads_metrics_and_labels_that_there_are(panel: Panel) -> None:
    for expression in panel.queries.values():
        names = names_in(expression)
        assert names
        assert names - METRICS.keys() - RECORDED - OF_PROCESSES == set()
        for metric, label, _ in selectors_in(expression):
            assert label in METRICS[metric].labels, f"{metric} has no label {label}"


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
def test_rows_fill_the_width_of_the_page_and_no_more(dashboard: Dashboard) -> None:
    assert {sum(panel.width for panel in row.panels) for row in dashboard.rows} == {24}


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
def test_panels_do_not_overlap(dashboard: Dashboard) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(text_of(dashboard))["panels"]:
        grid = panel["gridPos"]
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not taken & cells, panel["title"]
        taken |= cells


def test_compose_provisions_the_datasource_and_the_folder_that_dashboards_name() -> None:
    services: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    mounted = {one["target"]: one["source"] for one in services["grafana"]["volumes"]}
    provisioning = ROOT / mounted["/etc/grafana/provisioning"]
    [datasource] = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    [provider] = yaml.safe_load((provisioning / "dashboards" / "needledrop.yml").read_text())["providers"]

    assert {"type": datasource["type"], "uid": datasource["uid"]} == DATASOURCE
    assert datasource["url"] == "http://prometheus:9090"
    assert ROOT / mounted[provider["options"]["path"]] == FOLDER
    home = Path(services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (FOLDER / home.name).is_file()


def test_queries_are_sent_with_the_stage_and_the_interval_that_was_chosen() -> None:
    [page] = [page for page in pages() if choices(page) == list(STAGES)]
    expressions = [
        query.expression for panel in page["panels"] for query in queries_of(page, panel, "projector", "20s")
    ]

    assert not any("$" in expression for expression in expressions)
    assert sum('stage="projector"' in expression for expression in expressions) > 5
    assert sum("[20s]" in expression for expression in expressions) > 5


def test_all_panels_are_drawn_with_what_there_is_and_without_data(tmp_path: Path) -> None:
    asked = []

    def ask(expression: str) -> list[dict[str, Any]]:
        asked.append(expression)
        values = [[1000.0, "1"], [1001.0, "NaN"], [1002.0, "3.5"]]
        return [{"metric": {"stage": "extractor"}, "values": values}] if len(asked) % 3 else []

    save(Asking(ask, 1000.0, 1010.0, 1.0, "20s"), tmp_path / "drawn.png", stage="extractor")

    assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG")
    assert len(asked) == sum(len(panel.queries) for one in DASHBOARDS for row in one.rows for panel in row.panels)


def test_drawing_says_in_one_line_that_no_prometheus_answers(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "deploy.grafana.draw", "--prometheus", address, "--out", str(tmp_path / "x.png")]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert address in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_lines_have_gaps_where_nothing_was_scraped() -> None:
    found = [{"metric": {"stage": "extractor"}, "values": [[0.0, "1"], [1.0, "2"], [9.0, "3"], [10.0, "NaN"]]}]
    query = Query("a page", 1, "a panel", "{{stage}}", "needledrop:stage_lag:sum")

    [(legend, moments, values)] = Asking(lambda _: found, 0.0, 10.0, 1.0, "20s").series(query)

    assert legend == "extractor"
    assert moments == [0.0, 1.0, 2.0, 9.0]
    assert [value for value in values if value == value] == [1.0, 2.0, 3.0]


def test_values_are_said_in_their_units() -> None:
    assert [said(0.123, "s"), said(12.0, "s"), said(0.5, "percentunit"), said(1500.0, "short"), said(2.0, "ops")] == [
        "123 ms", "12 s", "50 %", "1.5 k", "2/s",
    ]  # fmt: skip
