"""deploy/Dockerfile: what it copies is there, what it sets is read by the code, and its last stage is not root's."""

import fnmatch
import re
import tomllib
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from shared.settings.catalog import CatalogSettings
from shared.settings.trends import TrendsSettings
from shared.settings.workers import HttpSettings, ModelSettings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
SETTINGS: dict[str, type[BaseSettings]] = {
    "NEEDLEDROP_MODELS_FOLDER": ModelSettings,
    "NEEDLEDROP_HTTP_HOST": HttpSettings,
    "NEEDLEDROP_TRENDS_WEB_HOST": TrendsSettings,
    "NEEDLEDROP_CATALOG_WEB_HOST": CatalogSettings,
    "NEEDLEDROP_CATALOG_FOLDER": CatalogSettings,
}


def instructions(text: str) -> list[tuple[str, str]]:
    """Name and arguments of each, with lines joined and comments gone."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in joined.splitlines() if line.strip()]


def is_in_context(name: str) -> bool:
    """Whether the .dockerignore, the last matching line of which counts, lets a top-level name through."""
    kept = True
    for line in IGNORED:
        if line.strip() and not line.startswith("#") and fnmatch.fnmatchcase(name, line.removeprefix("!")):
            kept = line.startswith("!")
    return kept


def faults(text: str) -> list[str]:
    """What is wrong, none when nothing is."""
    found = instructions(text)
    stages = [re.split(r"\s+AS\s+", arguments)[-1] for name, arguments in found if name == "FROM"]
    last = found[max(at for at, (name, _) in enumerate(found) if name == "FROM") :]
    faults = []
    for name, arguments in found:
        *sources, _ = arguments.split()
        if name == "COPY" and not arguments.startswith("--from="):
            faults += [f"no such file: {source}" for source in sources if not (ROOT / source).exists()]
            faults += [f"not in the context: {source}" for source in sources if not is_in_context(source)]
        for stage in re.findall(r"from=([a-z]+)", arguments) if name in ("COPY", "RUN") else ():
            faults += [f"no such stage: {stage}"] if stage not in stages else []
    faults += [f"no such setting: {name}" for name in set(re.findall(r"NEEDLEDROP_\w+", text)) - SETTINGS.keys()]
    users = [arguments for name, arguments in last if name == "USER"]
    if not users or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]):
        faults.append(f"runs as {users or 'root'}")
    if re.search(r"apt-get|build-essential|gcc", "".join(arguments for _, arguments in last)):
        faults.append("build tools in the last stage")
    if text.count("--require-hashes") != text.count("-r requirements"):
        faults.append("installs without checking hashes")
    return faults


def test_dockerfile_has_no_faults() -> None:
    assert faults(DOCKERFILE) == []


@pytest.mark.parametrize(
    ("text", "instead", "says"),
    [
        ("COPY workers workers", "COPY worker workers", "no such file: worker"),
        ("COPY schemas schemas", "COPY docs schemas", "not in the context: docs"),
        ("COPY --from=product", "COPY --from=products", "no such stage: products"),
        ("from=product,source", "from=wheels,source", "no such stage: wheels"),
        ("NEEDLEDROP_MODELS_FOLDER", "NEEDLEDROP_MODEL_FOLDER", "no such setting: NEEDLEDROP_MODEL_FOLDER"),
        ("USER 10001:10001", "USER 0:0", "runs as"),
        ("USER 10001:10001\n", "", "runs as root"),
        ("RUN groupadd", "RUN apt-get install gcc && groupadd", "build tools"),
        ("--require-hashes -r", "-r", "without checking hashes"),
    ],
)
def test_check_finds_a_fault_when_something_is_misspelt(text: str, instead: str, says: str) -> None:
    assert text in DOCKERFILE

    found = faults(DOCKERFILE.replace(text, instead))

    assert any(says in fault for fault in found), found


def test_all_packages_and_the_readme_of_the_project_are_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = [name.removesuffix("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]]
    copied = {source for name, arguments in instructions(DOCKERFILE) if name == "COPY" for source in arguments.split()}

    assert {*packages, project["project"]["readme"], "pyproject.toml"} <= copied


def test_settings_of_the_image_are_read_and_its_ports_are_those_of_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = dict(re.findall(r"(NEEDLEDROP_\w+)=(\S+)", DOCKERFILE))
    assert environment.keys() == SETTINGS.keys()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    built = next(arguments for name, arguments in instructions(DOCKERFILE) if "models build" in arguments)
    # Below the folder of the settings, the version decides where: so the same command must find it by the same setting.
    assert built == f"NEEDLEDROP_MODELS_FOLDER={ModelSettings().folder} /opt/needledrop/bin/needledrop models build"
    assert ("COPY", f"--from=product {ModelSettings().folder} {ModelSettings().folder}") in instructions(DOCKERFILE)
    assert HttpSettings().host == TrendsSettings().web_host == CatalogSettings().web_host == "0.0.0.0"
    ports = (HttpSettings().port, TrendsSettings().web_port, CatalogSettings().web_port)
    assert ("EXPOSE", " ".join(map(str, ports))) in instructions(DOCKERFILE)
    assert f"--group 10001 {CatalogSettings().folder.parent}" in DOCKERFILE
