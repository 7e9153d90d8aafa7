"""JSON Schemas of the public events, for those who do not run our code."""

from typing import Any, Final

from schemas.event_model import Event
from schemas.events import TrackFailed, TrackLabeled, TrackSubmitted

# TrackFeatures is the pipeline's own and changes with it.
PUBLIC_EVENTS: Final[tuple[type[Event], ...]] = (TrackSubmitted, TrackLabeled, TrackFailed)

# The dialect that AsyncAPI asks every tool to know.
_DIALECT: Final = "http://json-schema.org/draft-07/schema#"


def json_schema(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema of an event: what is required to read it, nothing about what it may gain."""
    schema = _plain(event.model_json_schema(ref_template="#/definitions/{model}"))
    definitions = schema.pop("$defs", {})
    return {
        "$schema": _DIALECT,
        "$id": f"urn:{event.ce_type.replace('.', ':')}",
        "title": event.__name__,
        **schema,
        **({"definitions": definitions} if definitions else {}),
    }


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Without pydantic's titles and null alternatives, for what is absent is left out, never null.

    What a person looks for comes first: description, type, required properties.
    """
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if options:
        [only] = options
        schema = only | {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    readable: dict[str, Any] = {}
    if "description" in schema:
        readable["description"] = " ".join(schema["description"].split())
    if "type" in schema:
        readable["type"] = schema["type"]
    required = schema.get("required", ())
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            first = sorted(value, key=lambda name: name not in required)
            readable[key] = {name: _plain(value[name]) for name in first}
        elif isinstance(value, dict):
            readable[key] = _plain(value)
        elif key != "title":
            readable.setdefault(key, value)
    return readable
