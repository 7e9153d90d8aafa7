"""Writes the JSON Schemas and the AsyncAPI document beside the event models: `python -m schemas.documents`."""

import json
from pathlib import Path
from typing import Final

from schemas.async_api import async_api
from schemas.json_schemas import PUBLIC_EVENTS, json_schema

FOLDER: Final = Path(__file__).parent


def generated() -> dict[Path, str]:
    """Every generated file and its text."""
    import yaml  # only whoever changes a schema needs it

    files = {
        FOLDER / "json" / f"{event.__name__}.schema.json": json.dumps(json_schema(event), indent=2) + "\n"
        for event in PUBLIC_EVENTS
    }
    files[FOLDER / "asyncapi.yaml"] = yaml.safe_dump(async_api(), sort_keys=False, width=120)
    return files


if __name__ == "__main__":
    for path, text in generated().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
