"""docker-compose.yml against the Compose schema, and against the code: all that it names must be there."""

import json
import os
import pkgutil
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml
from pydantic_settings import BaseSettings

import shared.settings
from schemas.errors import InvalidSettingError
from shared.settings.catalog import CatalogSettings
from shared.settings.kafka import KafkaSettings
from shared.settings.loading import loaded
from shared.settings.redis import RedisSettings
from shared.settings.trends import TrendsSettings
from tests.contract.commands import faults_of_command
from workers.cli.running import Worker

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((Path(__file__).parent / "compose-spec.json").read_text(encoding="utf-8"))
IMAGE = "needledrop"
# Read by Compose, not by the code.
FOR_COMPOSE = {"NEEDLEDROP_MUSIC"}
DURATIONS = ("interval", "timeout", "start_period", "stop_grace_period")  # plain strings in the schema

Compose = dict[str, Any]


def groups() -> list[type[BaseSettings]]:
    modules = [
        import_module(f"shared.settings.{found.name}") for found in pkgutil.iter_modules(shared.settings.__path__)
    ]
    known = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    return [one for one in known if issubclass(one, BaseSettings) and one is not BaseSettings]


SETTINGS = {
    f"{group.model_config.get('env_prefix')}{field.upper()}": group
    for group in groups()
    for field in group.model_fields
}


def faults(compose: Compose) -> list[str]:
    """What is wrong, none when nothing is."""
    found = [
        f"{list(error.path)}: {error.message}" for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(compose)
    ]
    for name, service in compose["services"].items():
        for checker in (_of_image, _of_settings, _of_command, _of_ports, _of_health, _of_volumes, _of_dependencies):
            found += [f"{name}: {fault}" for fault in checker(service, compose)]
    named = set(re.findall(r"NEEDLEDROP_\w+", json.dumps(compose)))
    return found + [f"no such setting: {name}" for name in sorted(named - SETTINGS.keys() - FOR_COMPOSE)]


def _of_image(service: Compose, compose: Compose) -> Iterator[str]:
    image = service.get("image", "")
    if image != IMAGE and not re.search(r":v?\d+\.\d+\.\d+", image):
        yield f"image {image!r} is not pinned"
    if "build" in service and not (ROOT / service["build"]["context"] / service["build"]["dockerfile"]).is_file():
        yield f"no such file: {service['build']['dockerfile']}"
    if image == IMAGE:
        builders = [one for one in compose["services"].values() if one.get("image") == IMAGE and "build" in one]
        if len(builders) != 1:
            yield f"{len(builders)} services build the image"
        if not (service.get("read_only") and service.get("cap_drop") == ["ALL"]):
            yield "may write to its root, or has capabilities"


def _of_settings(service: Compose, compose: Compose) -> Iterator[str]:
    ours = {name: str(value) for name, value in service.get("environment", {}).items() if name in SETTINGS}
    if "NEEDLEDROP_MEDIA_ROOTS" in ours:
        if ours["NEEDLEDROP_MEDIA_ROOTS"] not in [v["target"] for v in service["volumes"] if isinstance(v, dict)]:
            yield "a media root is not mounted"
        ours["NEEDLEDROP_MEDIA_ROOTS"] = str(ROOT)  # the folder of the container is not here
    with patch.dict(os.environ, ours):
        for group in {SETTINGS[name] for name in ours}:
            try:
                loaded(group)
            except InvalidSettingError as error:
                yield str(error)
    kafka = compose["services"]["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    bootstrap = ours.get("NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS")
    if bootstrap and f"://{bootstrap}" not in kafka:
        yield f"Kafka does not listen at {bootstrap}"
    redis_host = urlsplit(ours.get("NEEDLEDROP_REDIS_URL", "redis://redis")).hostname
    if redis_host not in compose["services"]:
        yield f"no service {redis_host}"


def _of_command(service: Compose, _: Compose) -> Iterator[str]:
    if service.get("image") != IMAGE:
        return
    yield from faults_of_command(service["command"])


def _of_ports(service: Compose, _: Compose) -> Iterator[str]:
    for published in service.get("ports", []):
        if not published.startswith("127.0.0.1:"):
            yield f"port {published} is open to other machines"


def _of_health(service: Compose, _: Compose) -> Iterator[str]:
    if "restart" in service and "test" not in service.get("healthcheck", {}):
        yield "no health check"
    for name, value in (service | service.get("healthcheck", {})).items():
        if name in DURATIONS and not re.fullmatch(r"(\d+(ms|[smh]))+", value):
            yield f"{name} {value!r} is not a duration"
    if "restart" in service and "mem_limit" not in service:
        yield "no memory limit"


def _of_volumes(service: Compose, compose: Compose) -> Iterator[str]:
    for volume in service.get("volumes", []):
        source = volume["source"] if isinstance(volume, dict) else volume.partition(":")[0]
        if source.startswith("$"):
            continue
        if source.startswith("."):
            if not (ROOT / source).exists():
                yield f"no such file: {source}"
        elif source not in compose["volumes"]:
            yield f"no such volume: {source}"


def _of_dependencies(service: Compose, compose: Compose) -> Iterator[str]:
    for name, how in service.get("depends_on", {}).items():
        needed = compose["services"].get(name)
        if needed is None:
            yield f"no service {name}"
        elif how["condition"] != ("service_healthy" if "restart" in needed else "service_completed_successfully"):
            yield f"{name} never becomes {how['condition']}"


@pytest.fixture
def compose() -> Compose:
    parsed = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    apart: Compose = json.loads(json.dumps(parsed))  # what is anchored is one object in many places
    return apart


def test_compose_file_has_no_faults(compose: Compose) -> None:
    assert faults(compose) == []


def _renamed(mapping: Compose, old: str, new: str) -> None:
    mapping[new] = mapping.pop(old)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: _renamed(s["extractor"], "healthcheck", "healthchek"), "healthchek"),
        (lambda s: s["kafka"]["healthcheck"].update(interval="soon"), "soon"),
        (lambda s: s["topics"].update(depends_on={"kafka": {"condition": "service_helthy"}}), "service_helthy"),
        (
            lambda s: _renamed(s["extractor"]["environment"], "NEEDLEDROP_MEDIA_ROOTS", "NEEDLEDROP_MEDIA_ROOT"),
            "no such setting: NEEDLEDROP_MEDIA_ROOT",
        ),
        (lambda s: s["extractor"]["environment"].update(NEEDLEDROP_EXTRACTOR_N_PROCESSES="two"), "N_PROCESSES"),
        (lambda s: s["extractor"]["environment"].update(NEEDLEDROP_MEDIA_ROOTS="/musik"), "not mounted"),
        (
            lambda s: s["trends"]["environment"].update(NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS="kafka:9092"),
            "does not listen at kafka:9092",
        ),
        (lambda s: s["projector"]["environment"].update(NEEDLEDROP_REDIS_URL="redis://reddis:6379"), "reddis"),
        (lambda s: s["classifier"].update(command=["worker", "clasifier"]), "clasifier"),
        (lambda s: s["topics"].update(command=["topic", "create"]), "No such command"),
        (lambda s: s["trends"].update(ports=["9410:9410"]), "open to other machines"),
        (lambda s: s["redis"].update(image="redis:latest"), "not pinned"),
        (lambda s: s["redis"].update(volumes=["reddis:/data"]), "no such volume: reddis"),
        (lambda s: s["redis"].pop("mem_limit"), "no memory limit"),
        (lambda s: s["prometheus"]["volumes"][0].update(source="./deploy/prometheus.yml"), "no such file"),
        (lambda s: s["prometheus"].pop("healthcheck"), "no health check"),
        (lambda s: s["topics"]["build"].update(dockerfile="Dockerfile"), "no such file: Dockerfile"),
        (lambda s: s["trends"].update(build=s["topics"]["build"]), "2 services build"),
        (lambda s: s["trends"].update(read_only=False), "may write"),
        (lambda s: s["projector"]["depends_on"].update(topics={"condition": "service_healthy"}), "never becomes"),
        (lambda s: s["projector"]["depends_on"].update(zookeeper={"condition": "service_healthy"}), "zookeeper"),
    ],
)
def test_check_finds_a_fault_when_something_is_misspelt(
    compose: Compose, change: Callable[[Compose], object], says: str
) -> None:
    change(compose["services"])

    found = faults(compose)

    assert any(says in fault for fault in found), found


def test_every_worker_has_a_service_of_its_name(compose: Compose) -> None:
    commands = {name: service.get("command") for name, service in compose["services"].items()}

    assert {worker.value: ["worker", worker.value] for worker in Worker}.items() <= commands.items()


def test_published_ports_are_those_that_commands_on_this_machine_take_by_default(
    compose: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    services = compose["services"]

    assert services["kafka"]["ports"] == ["127.0.0.1:9092:9092"]
    assert KafkaSettings().bootstrap_servers == "localhost:9092"
    assert "://127.0.0.1:9092" in services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert services["redis"]["ports"] == [f"127.0.0.1:{urlsplit(RedisSettings().url).port}:6379"]
    assert services["catalog"]["ports"] == [f"127.0.0.1:{CatalogSettings().web_port}:{CatalogSettings().web_port}"]
    assert services["trends"]["ports"] == [f"127.0.0.1:{TrendsSettings().web_port}:{TrendsSettings().web_port}"]
