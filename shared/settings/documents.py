"""Writes docs/settings.md, the table of all settings, from the code: `python -m shared.settings.documents`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import platformdirs
from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from shared.settings.catalog import CatalogSettings, FindSettings
from shared.settings.kafka import KafkaSettings
from shared.settings.media import MediaSettings
from shared.settings.redis import RedisSettings
from shared.settings.stack import StackSettings
from shared.settings.trends import TrendsSettings
from shared.settings.workers import (
    ClassifierSettings,
    ExtractorSettings,
    FeatureSettings,
    HttpSettings,
    LogSettings,
    ModelSettings,
)

GROUPS: Final[tuple[type[BaseSettings], ...]] = (
    KafkaSettings,
    RedisSettings,
    MediaSettings,
    ModelSettings,
    FeatureSettings,
    ExtractorSettings,
    ClassifierSettings,
    TrendsSettings,
    CatalogSettings,
    FindSettings,
    HttpSettings,
    LogSettings,
    StackSettings,
)
PAGE: Final = Path(__file__).parents[2] / "docs" / "settings.md"

_HEAD: Final = """# Settings

Every setting is a variable of the environment and is checked when a program starts; a wrong one ends it with its name.
This page is generated from the code by `make schemas`.
"""
_TYPES: Final = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path",
    SecretStr: "secret",
}
_FOLDERS_OF_A_PERSON: Final = {
    Path(platformdirs.user_cache_dir("needledrop")): "<cache folder>/needledrop",
    Path(platformdirs.user_state_dir("needledrop")): "<state folder>/needledrop",
}
_BOUNDS: Final = {Ge: ("at least", "ge"), Gt: ("above", "gt"), Le: ("at most", "le"), Lt: ("below", "lt")}


def settings_page(groups: Iterable[type[BaseSettings]] = GROUPS) -> str:
    """One table a group: variable, type, default, meaning."""
    return "\n".join([_HEAD, *(_table(group) for group in groups)])


def variables(group: type[BaseSettings]) -> dict[str, FieldInfo]:
    """The fields of a group by their names in the environment."""
    prefix = group.model_config.get("env_prefix") or ""
    return {f"{prefix}{name}".upper(): field for name, field in group.model_fields.items()}


def _table(group: type[BaseSettings]) -> str:
    meaning = " ".join((group.__doc__ or "").split()).partition(" ``NEEDLEDROP_")[0]
    rows = [
        f"| `{name}` | {_type_of(field)} | {_default_of(field)} | {_in_a_cell(field.description or '')} |"
        for name, field in variables(group).items()
    ]
    head = f"## {group.__name__.removesuffix('Settings')}\n\n{meaning}\n\n| variable | type | default | meaning |"
    return "\n".join([head, "|---|---|---|---|", *rows, ""])


def _type_of(field: FieldInfo) -> str:
    bounds = [
        f"{words} {getattr(bound, attribute):,}"
        for bound in field.metadata
        if type(bound) in _BOUNDS
        for words, attribute in [_BOUNDS[type(bound)]]
    ]
    return _in_a_cell(", ".join([_words_for(field.annotation), *bounds]))


def _words_for(annotation: Any) -> str:  # noqa: ANN401 - any type
    arguments = [one for one in get_args(annotation) if one not in (type(None), Ellipsis)]
    origin = get_origin(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" if value else "empty" for value in arguments)
    if origin in (tuple, frozenset):
        return f"list, each {_words_for(arguments[0])}"
    return _words_for(arguments[0]) if arguments else _TYPES[annotation]


def _default_of(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value in (None, "", (), frozenset()):
        return "none"
    if isinstance(value, Path):
        # The same on every machine, or the page would differ from one to the next.
        shown = value.as_posix()
        for folder, name in _FOLDERS_OF_A_PERSON.items():
            shown = shown.replace(folder.as_posix(), name)
        return f"`{shown}`"
    if isinstance(value, frozenset):
        return f"`{','.join(sorted(value))}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _in_a_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(settings_page(), encoding="utf-8")
