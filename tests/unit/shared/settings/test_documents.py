import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

import shared.settings
from shared.settings.documents import GROUPS, PAGE, settings_page, variables
from shared.settings.loading import settings_config

ROOT = PAGE.parents[1]
# What is for tests only stands in their own pages.
FOR_TESTS = ("NEEDLEDROP_TEST_", "NEEDLEDROP_FUZZ_")


class TurntableSettings(BaseSettings):
    """A turntable. ``NEEDLEDROP_TURNTABLE_<FIELD>``."""

    model_config = settings_config("NEEDLEDROP_TURNTABLE_")

    speed_rpm: Annotated[float, Field(gt=0, le=78)] = 33.3
    """Turns a minute."""
    password: SecretStr = SecretStr("hush")
    """In two
    lines, with a | in it."""
    belt: Literal["", "flat"] = ""
    """How it is driven."""
    shelf: Path | None = None
    """Where the records are."""


def test_the_committed_page_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == settings_page(), "the settings changed: run `make schemas`"


def test_the_page_has_every_group_of_settings_there_is() -> None:
    for module in pkgutil.iter_modules(shared.settings.__path__, "shared.settings."):
        importlib.import_module(module.name)

    groups = {group for group in BaseSettings.__subclasses__() if group.__module__.startswith("shared.settings.")}
    assert groups == set(GROUPS)
    assert len(GROUPS) == len(groups)


def test_a_variable_belongs_to_one_group() -> None:
    names = [name for group in GROUPS for name in variables(group)]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_every_setting_says_what_it_means(group: type[BaseSettings]) -> None:
    silent = [name for name, field in variables(group).items() if not (field.description or "").endswith(".")]

    assert silent == []


def test_a_table_shows_type_bounds_default_and_meaning() -> None:
    lines = settings_page([TurntableSettings]).splitlines()

    assert "## Turntable" in lines
    assert "A turntable." in lines
    assert "| `NEEDLEDROP_TURNTABLE_SPEED_RPM` | number, above 0, at most 78 | `33.3` | Turns a minute. |" in lines
    assert "| `NEEDLEDROP_TURNTABLE_BELT` | empty or `flat` | none | How it is driven. |" in lines
    assert "| `NEEDLEDROP_TURNTABLE_SHELF` | path | none | Where the records are. |" in lines
    assert r"In two lines, with a \| in it. |" in settings_page([TurntableSettings])


def test_the_page_is_the_same_on_every_machine() -> None:
    page = settings_page()

    assert f"`{Path.home().as_posix()}/" not in page
    assert "`<cache folder>/needledrop/models`" in page
    assert "`<state folder>/needledrop`" in page


def written_names() -> Iterator[tuple[str, str]]:
    """Every name like a setting's in code, deployment and pages, and the file it is in."""
    folders = ("schemas", "shared", "workers", "training", "benchmarks", "deploy", "docs")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*") if file.is_file()]
    for file in [*files, *(ROOT / name for name in ("README.md", "Makefile", "docker-compose.yml", ".ci/run"))]:
        if file.suffix in (".pyc", ".onnx", ".png") or not file.is_file():
            continue
        for name in re.findall(r"NEEDLEDROP_[A-Z0-9_]*", file.read_text(encoding="utf-8", errors="replace")):
            yield name, file.relative_to(ROOT).as_posix()


def test_every_setting_that_is_named_anywhere_exists() -> None:
    known = {name for group in GROUPS for name in variables(group)}
    found = list(written_names())
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    known_to_compose = set(re.findall(r"\$\{(NEEDLEDROP_[A-Z0-9_]+)", compose))  # which puts them in by itself

    unknown = {
        (name, file)
        for name, file in found
        if name not in known | known_to_compose
        and not name.startswith(FOR_TESTS)
        # `NEEDLEDROP_KAFKA_<FIELD>`, `NEEDLEDROP_KAFKA_SSL_*`: the beginning of some.
        and not (name.endswith("_") and any(other.startswith(name) for other in known))
    }

    assert unknown == set()
    assert len({name for name, _ in found} & known) > 50
