"""The AsyncAPI document: every topic, its message, its headers, its Kafka configuration.

Source: AsyncAPI 3.0.0, Kafka bindings 0.5.0.
"""

from typing import Any, Final

from schemas.events import TrackSubmitted
from schemas.headers import FEATURES_CONTENT_TYPE, JSON_CONTENT_TYPE
from schemas.origin import COORDINATES_HEADER, POSITION_HEADER, SUBMISSION_HEADER
from schemas.topics import DEFAULT_PARTITIONS, TOPICS, TRACKS_FEATURES, Topic

_BINDING_VERSION: Final = "0.5.0"
_CLOUD_EVENTS: Final = {
    "ce_specversion": "1.0: the version of CloudEvents.",
    "ce_type": "The kind of event, with its major version.",
    "ce_source": "needledrop and the worker that wrote it.",
    "ce_id": "The same for every delivery of the same outcome: compare it to recognise a redelivery.",
    "ce_time": "When it was written (RFC 3339, UTC).",
}
_ORIGIN: Final = {
    SUBMISSION_HEADER: "The submission_id that the event follows from; tombstones have it too.",
    POSITION_HEADER: "Orders the submissions of a track, as text too: the later one holds the truth.",
    COORDINATES_HEADER: "The TrackSubmitted record: topic:partition:offset.",
}


def async_api() -> dict[str, Any]:
    """The AsyncAPI 3.0 document. Its payloads are the JSON Schemas beside it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "needledrop",
            "version": "1.0.0",
            "description": "New-track events in, labeled-track events out, all keyed by track_id. Read with "
            "isolation.level=read_committed, for events are written in transactions, and ignore fields and headers "
            "that you do not know. Write with partitioner=murmur2_random, as Java's clients do by themselves.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": JSON_CONTENT_TYPE,
        "channels": {_slug(topic): _channel(topic) for topic in TOPICS},
        "operations": {
            "takeSubmissions": _operation("receive", "tracksSubmitted", "Submit a track: write to this channel."),
            "publishLabels": _operation("send", "tracksLabeled", "Follow labels: read this channel."),
            "publishFailures": _operation("send", "tracksFailed", "Follow failures: read this channel."),
        },
        "components": {"messages": {topic.event.__name__: _message(topic) for topic in TOPICS}},
    }


def _slug(topic: Topic) -> str:
    first, second, _version = topic.name.split(".")
    return first + second.capitalize()


def _operation(action: str, channel: str, summary: str) -> dict[str, Any]:
    return {"action": action, "summary": summary, "channel": {"$ref": f"#/channels/{channel}"}}


def _channel(topic: Topic) -> dict[str, Any]:
    configuration: dict[str, Any] = {
        "cleanup.policy": [topic.config["cleanup.policy"]],
        **{name: int(topic.config[name]) for name in ("retention.ms", "delete.retention.ms") if name in topic.config},
    }
    if topic.max_message_bytes is not None:
        configuration["max.message.bytes"] = topic.max_message_bytes
    name = topic.event.__name__
    return {
        "address": topic.name,
        "description": topic.description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {
            "kafka": {
                "partitions": DEFAULT_PARTITIONS,
                "topicConfiguration": configuration,
                "bindingVersion": _BINDING_VERSION,
            }
        },
    }


def _message(topic: Topic) -> dict[str, Any]:
    name = topic.event.__name__
    message = {"name": name, "title": name, "summary": " ".join((topic.event.__doc__ or "").split())}
    return message | _payload(topic) | {"headers": _headers(topic), "bindings": _message_bindings()}


def _payload(topic: Topic) -> dict[str, Any]:
    if topic is TRACKS_FEATURES:
        return {"contentType": FEATURES_CONTENT_TYPE}
    return {
        "contentType": JSON_CONTENT_TYPE,
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-07",
            "schema": {"$ref": f"./json/{topic.event.__name__}.schema.json"},
        },
    }


def _headers(topic: Topic) -> dict[str, Any]:
    """CloudEvents are welcome from those who submit, and promised to those who read."""
    promised = {} if topic.event is TrackSubmitted else _CLOUD_EVENTS | _ORIGIN
    headers: dict[str, Any] = {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": description}
            for name, description in (promised or _CLOUD_EVENTS).items()
        },
    }
    return headers | {"required": list(promised)} if promised else headers


def _message_bindings() -> dict[str, Any]:
    key = {"type": "string", "description": "The track_id, in UTF-8."}
    return {"kafka": {"key": key, "bindingVersion": _BINDING_VERSION}}
