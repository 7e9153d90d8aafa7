"""CloudEvents 1.0 headers in binary mode, and the headers of others that travel on.

Source: CloudEvents Kafka protocol binding 1.0.2, section 3.2 (attributes as ``ce_*`` headers, ``content-type``).
"""

from datetime import UTC, datetime
from typing import Final

from schemas.origin import Headers, Origin

JSON_CONTENT_TYPE = "application/json"
FEATURES_CONTENT_TYPE = "application/vnd.needledrop.features+safetensors"

TRACE: Final = ("traceparent", "tracestate")
"""W3C trace context: the last step of a track."""
CLOUD_EVENT_TRACE: Final = ("ce_traceparent", "ce_tracestate")
"""CloudEvents' extension "distributed tracing": where its trace began; the same from event to event."""

# Others' headers (traceparent, tenant ids) travel from stage to stage, but a record must stay small.
MAX_TRAVELLING_BYTES = 8192


def cloud_event(
    ce_type: str, *, source: str, ce_id: str, at: datetime, content_type: str = JSON_CONTENT_TYPE
) -> list[tuple[str, bytes]]:
    """The headers that make a record a CloudEvent."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_type", ce_type.encode()),
        ("ce_source", source.encode()),
        ("ce_id", ce_id.encode()),
        ("ce_time", at.astimezone(UTC).isoformat().encode()),
        ("content-type", content_type.encode()),
    ]


def derived_id(origin: Origin, stage: str) -> str:
    """An event's id, the same however often its submission is delivered."""
    return f"{origin.submission_id}/{stage}"


def travelling(headers: Headers) -> list[tuple[str, bytes]]:
    """The headers that are not ours, in order, as far as they fit in 8 KiB together."""
    kept: list[tuple[str, bytes]] = []
    room = MAX_TRAVELLING_BYTES
    for name, value in headers:
        ours = name.startswith(("ce_", "needledrop_")) or name == "content-type"
        if ours and name not in CLOUD_EVENT_TRACE:
            continue
        room -= len(name.encode()) + len(value)
        if room < 0:
            break
        kept.append((name, value))
    return kept
