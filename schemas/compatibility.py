"""Which changes of an event's JSON Schema break somebody.

Events outlive the release that wrote them: labels lie in a compacted topic for ever, and those who read and write
events are upgraded when they like. So older events must satisfy the newer schema, and newer events the older one.
What may change: texts, and properties that are added and not required.
"""

from collections.abc import Mapping
from typing import Any, Final

_TEXTS: Final = frozenset({"$schema", "$id", "$comment", "title", "description", "examples", "default", "definitions"})
_Schema = Mapping[str, Any]


def breaking_changes(released: _Schema, current: _Schema) -> list[str]:
    """What breaks an older reader, an older writer, or a newer reader of older events; empty when nothing does.

    Args:
        released: a schema as our generator writes them: draft-07, references to its own ``definitions`` only.
        current: the schema that shall replace it.
    Returns: one line a change, beginning with the place.
    """
    return _compared(released, current, (released, current), "event", frozenset())


def _compared(
    old: _Schema, new: _Schema, roots: tuple[_Schema, _Schema], place: str, on_the_way: frozenset[tuple[str, str]]
) -> list[str]:
    references = (str(old.get("$ref")), str(new.get("$ref")))
    if references in on_the_way:  # a model that holds itself
        return []
    on_the_way |= {references} - {("None", "None")}
    old, new = _resolved(old, roots[0]), _resolved(new, roots[1])

    changes = _changed_properties(old, new, place)
    for name in sorted(old.get("properties", {}).keys() & new.get("properties", {})):
        changes += _compared(old["properties"][name], new["properties"][name], roots, f"{place}.{name}", on_the_way)
    for keyword in sorted((old.keys() | new.keys()) - _TEXTS - {"properties", "required", "$ref"}):
        before, after = old.get(keyword), new.get(keyword)
        if isinstance(before, dict) and isinstance(after, dict):
            changes += _compared(before, after, roots, f"{place}.{keyword}", on_the_way)
        elif before != after:
            changes.append(f"{place}: {keyword} was {_shown(before)}, is {_shown(after)}")
    return changes


def _changed_properties(old: _Schema, new: _Schema, place: str) -> list[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    was_required, is_required = set(old.get("required", ())), set(new.get("required", ()))
    gone = set(before) - set(after)
    return [
        *(f"{place}.{name}: is gone" for name in sorted(gone)),
        *(
            f"{place}.{name}: is no longer required, and readers rely on it"
            for name in sorted(was_required - is_required - gone)
        ),
        *(
            f"{place}.{name}: is newly required, and older events lack it"
            for name in sorted(is_required - was_required)
        ),
    ]


def _resolved(schema: _Schema, root: _Schema) -> _Schema:
    if "$ref" not in schema:
        return schema
    definition: _Schema = root["definitions"][schema["$ref"].removeprefix("#/definitions/")]
    return definition


def _shown(value: object) -> str:
    return "absent" if value is None else repr(value)
