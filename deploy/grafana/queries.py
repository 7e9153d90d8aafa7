"""The queries of the dashboards' files, as Grafana would send them to Prometheus."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent / "dashboards"


@dataclass(frozen=True)
class Query:
    """One of a panel's; ``legend`` names labels in braces."""

    dashboard: str
    number: int
    """Of the panel on its page."""
    panel: str
    legend: str
    expression: str


def pages() -> list[dict[str, Any]]:
    """All dashboards."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]


def choices(page: Mapping[str, Any]) -> list[str]:
    """What its variable ``$stage`` can be; an empty text for a page without."""
    variables = {one["name"]: one["query"] for one in page["templating"]["list"]}
    return variables["stage"].split(", ") if "stage" in variables else [""]


def queries_of(page: Mapping[str, Any], panel: Mapping[str, Any], stage: str, rate_interval: str) -> Iterator[Query]:
    """Those of a panel, with Grafana's variables filled in."""
    for target in panel.get("targets", ()):
        expression = target["expr"].replace("$__rate_interval", rate_interval).replace("$stage", stage)
        yield Query(page["uid"], panel["id"], panel["title"], target["legendFormat"], expression)


def legend_of(query: Query, labels: Mapping[str, str]) -> str:
    """The legend of one series."""
    if query.legend == "__auto":
        return query.panel
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), query.legend).strip()
