"""Reads a group of settings from the environment, with errors that name the variable."""

from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from schemas.errors import InvalidSettingError

Settings = TypeVar("Settings", bound=BaseSettings)


def settings_config(prefix: str) -> SettingsConfigDict:
    """What every group has in common; ``prefix`` is like ``NEEDLEDROP_KAFKA_``."""
    return SettingsConfigDict(
        env_prefix=prefix, frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True
    )


def loaded(group: type[Settings]) -> Settings:
    """The settings as the environment has them, the defaults for the rest.

    Raises: InvalidSettingError, naming the variable and what is wrong with it. Values are not shown: some are secrets.
    """
    prefix = group.model_config.get("env_prefix") or ""
    try:
        return group()
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidSettingError("; ".join(_named(prefix, fault["loc"], fault["msg"]) for fault in faults)) from None
    except SettingsError as error:  # JSON was expected; names the field, which is the end of the variable's name
        raise InvalidSettingError(f"{prefix}*: {error}") from None


def _named(prefix: str, place: tuple[int | str, ...], message: str) -> str:
    """The fault of one variable; of several together, when it has no place."""
    variable = str(place[0]).upper() if place else "*"
    return f"{prefix}{variable}: {message.removeprefix('Value error, ')}"
