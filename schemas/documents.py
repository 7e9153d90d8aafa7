"""Generates the JSON Schemas and the AsyncAPI document from the event models: `python -m schemas.documents`."""

import json
from pathlib import Path
from typing import Any, Final

from schemas.event_model import Event
from schemas.events import TrackFailed, TrackLabeled, TrackSubmitted
from schemas.headers import JSON_CONTENT_TYPE
from schemas.origin import COORDINATES_HEADER, POSITION_HEADER, SUBMISSION_HEADER
from schemas.topics import TOPICS, TRACKS_FEATURES, Topic

FOLDER: Final = Path(__file__).parent
# The public ones. TrackFeatures is the pipeline's own and changes with it.
PUBLIC_EVENTS: Final[tuple[type[Event], ...]] = (TrackSubmitted, TrackLabeled, TrackFailed)


def json_schema(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of an event: what is required to read it, nothing about what it may gain."""
    schema = event.model_json_schema(ref_template="#/$defs/{model}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{event.ce_type.replace('.', ':')}",
        **_plain(schema),
    }


def _plain(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Without pydantic's generated titles and null alternatives: absent fields are left out, never null."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    options = node.get("anyOf")
    if options and {"type": "null"} in options:
        [only] = [option for option in options if option != {"type": "null"}]
        return _plain({**only, **{key: value for key, value in node.items() if key not in ("anyOf", "default")}})
    return {
        key: {name: _plain(value) for name, value in item.items()} if key in ("properties", "$defs") else _plain(item)
        for key, item in node.items()
        if not (key == "title" and isinstance(item, str))
    }


def async_api() -> dict[str, Any]:
    """The AsyncAPI 3.0 document: every topic, its message, its headers, its Kafka configuration."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "needledrop",
            "version": "1.0.0",
            "description": "New-track events in, labeled-track events out. Read with isolation.level=read_committed: "
            "events are written in transactions. Ignore fields that you do not know.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": JSON_CONTENT_TYPE,
        "channels": {_slug(topic): _channel(topic) for topic in TOPICS},
        "operations": {
            "submitTrack": _operation("receive", "tracksSubmitted"),
            "followLabels": _operation("send", "tracksLabeled"),
            "followFailures": _operation("send", "tracksFailed"),
        },
        "components": {"messages": {topic.event.__name__: _message(topic) for topic in TOPICS}},
    }


def _slug(topic: Topic) -> str:
    first, second, _version = topic.name.split(".")
    return first + second.capitalize()


def _operation(action: str, channel: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


def _channel(topic: Topic) -> dict[str, Any]:
    configuration: dict[str, Any] = {
        "cleanup.policy": [topic.config["cleanup.policy"]],
        **{name: int(topic.config[name]) for name in ("retention.ms", "delete.retention.ms") if name in topic.config},
    }
    if topic.max_message_bytes is not None:
        configuration["max.message.bytes"] = topic.max_message_bytes
    return {
        "address": topic.name,
        "description": topic.description,
        "messages": {topic.event.__name__: {"$ref": f"#/components/messages/{topic.event.__name__}"}},
        "bindings": {"kafka": {"topicConfiguration": configuration, "bindingVersion": "0.5.0"}},
    }


def _message(topic: Topic) -> dict[str, Any]:
    headers = {name: {"type": "string"} for name in ("ce_specversion", "ce_type", "ce_source", "ce_id", "ce_time")}
    if topic.event is not TrackSubmitted:
        headers |= {name: {"type": "string"} for name in (SUBMISSION_HEADER, POSITION_HEADER, COORDINATES_HEADER)}
    message: dict[str, Any] = {
        "summary": (topic.event.__doc__ or "").strip().splitlines()[0],
        "headers": {"type": "object", "properties": headers},
        "bindings": {"kafka": {"key": {"type": "string", "description": "track_id"}, "bindingVersion": "0.5.0"}},
    }
    if topic is TRACKS_FEATURES:
        return message | {"contentType": "application/vnd.needledrop.features+safetensors", "payload": {}}
    return message | {
        "contentType": JSON_CONTENT_TYPE,
        "payload": {"$ref": f"./json/{topic.event.__name__}.schema.json"},
    }


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
