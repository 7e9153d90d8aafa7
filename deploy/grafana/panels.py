"""What a dashboard is made of, and its JSON."""

from dataclasses import dataclass, field
from typing import Any

DATASOURCE = {"type": "prometheus", "uid": "needledrop"}
STAGES = ("extractor", "classifier", "projector")
"""Those that a page in depth is about; trends and catalog have no transactions and time no record."""
_COLUMNS = 24  # of Grafana's grid


@dataclass(frozen=True)
class Panel:
    """One panel. ``queries``: legend and expression; ``limits``: values from which it is yellow, red."""

    title: str
    what: str
    unit: str
    queries: dict[str, str]
    kind: str = "timeseries"
    width: int = 8
    limits: tuple[float, float] | None = None
    stacked: bool = False


@dataclass(frozen=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: list[Panel]


@dataclass(frozen=True)
class Dashboard:
    """A page. ``by_stage`` gives it a choice of stage, ``$stage`` in expressions."""

    uid: str
    title: str
    what: str
    rows: list[Row] = field(default_factory=list)
    by_stage: bool = False


def dashboard_json(dashboard: Dashboard) -> dict[str, Any]:
    """As Grafana reads it."""
    panels: list[dict[str, Any]] = []
    y = 0
    for row in dashboard.rows:
        grid = {"x": 0, "y": y, "w": _COLUMNS, "h": 1}
        panels.append({"type": "row", "title": row.title, "collapsed": False, "gridPos": grid, "panels": []})
        y, x, height = y + 1, 0, 4 if row.panels[0].kind == "stat" else 8
        for panel in row.panels:
            panels.append(_panel_json(panel, {"x": x, "y": y, "w": panel.width, "h": height}))
            x += panel.width
        y += height
    stages = ", ".join(STAGES)
    choice = {"name": "stage", "label": "Stage", "type": "custom", "query": stages}
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.what,
        "tags": ["needledrop"],
        "timezone": "browser",
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "schemaVersion": 39,
        "templating": {"list": [choice] if dashboard.by_stage else []},
        "links": [{"type": "dashboards", "tags": ["needledrop"], "title": "needledrop", "asDropdown": False}],
        "panels": [{"id": number, **panel} for number, panel in enumerate(panels, start=1)],
    }


def _panel_json(panel: Panel, grid: dict[str, int]) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.limits:
        steps += [
            {"color": color, "value": value} for color, value in zip(("yellow", "red"), panel.limits, strict=True)
        ]
    custom = {"fillOpacity": 20, "stacking": {"mode": "normal"}} if panel.stacked else {"fillOpacity": 5}
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.what,
        "datasource": DATASOURCE,
        "gridPos": grid,
        "fieldConfig": {
            "defaults": defaults | ({"custom": custom} if panel.kind == "timeseries" else {}),
            "overrides": [],
        },
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": DATASOURCE,
                "expr": expr,
                "legendFormat": legend or "__auto",
            }
            for number, (legend, expr) in enumerate(panel.queries.items())
        ],
    }
