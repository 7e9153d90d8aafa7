"""Writes the dashboards, one JSON file each: `python -m deploy.grafana.generate`; `make schemas` runs it."""

import json
from pathlib import Path
from typing import Final

from deploy.grafana.outcomes import CAPACITY, LABELS
from deploy.grafana.panels import Dashboard, dashboard_json
from deploy.grafana.stages import OVERVIEW, STAGE

FOLDER: Final = Path(__file__).parent / "dashboards"
DASHBOARDS: Final = (OVERVIEW, STAGE, LABELS, CAPACITY)


def text_of(dashboard: Dashboard) -> str:
    """Its file."""
    return json.dumps(dashboard_json(dashboard), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for one in DASHBOARDS:
        (FOLDER / f"{one.uid}.json").write_text(text_of(one), encoding="utf-8")
