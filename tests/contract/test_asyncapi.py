"""AsyncAPI's own parser reads our document: `npm install --prefix tests/contract` brings it."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.documents import FOLDER
from schemas.topics import TOPICS

HERE = Path(__file__).parent
NODE = shutil.which("node")
PARSER = HERE / "node_modules" / "@asyncapi" / "parser" / "package.json"


def must_run(environment: Mapping[str, str]) -> bool:
    """Whether a skip would hide something: where the parser is meant to be."""
    return environment.get("CI") == "true" or environment.get("NEEDLEDROP_TEST_ASYNCAPI") == "1"


def without_version(document: dict[str, Any]) -> None:
    del document["asyncapi"]


def without_a_channel(document: dict[str, Any]) -> None:
    del document["channels"]["tracksLabeled"]


def with_an_unknown_action(document: dict[str, Any]) -> None:
    document["operations"]["publishLabels"]["action"] = "shout"


def with_a_schema_that_is_not_there(document: dict[str, Any]) -> None:
    document["components"]["messages"]["TrackLabeled"]["payload"]["schema"]["$ref"] = "./json/Nothing.schema.json"


def with_a_schema_that_is_none(document: dict[str, Any]) -> None:
    document["components"]["messages"]["TrackLabeled"]["payload"]["schema"] = {"type": "song"}


FAULTS = (
    without_version,
    without_a_channel,
    with_an_unknown_action,
    with_a_schema_that_is_not_there,
    with_a_schema_that_is_none,
)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the parser says: of our document, and of it with each fault. All in one process, for it starts slowly."""
    lacking = None
    if NODE is None:
        lacking = "there is no node"
    elif not PARSER.is_file():
        lacking = "AsyncAPI's parser is not installed: npm install --prefix tests/contract"
    if NODE is None or lacking:
        (pytest.fail if must_run(os.environ) else pytest.skip)(str(lacking))

    folder = tmp_path_factory.mktemp("asyncapi")
    shutil.copytree(FOLDER / "json", folder / "json")
    documents = {"ours": FOLDER / "asyncapi.yaml"}
    for fault in FAULTS:
        document = yaml.safe_load(documents["ours"].read_text(encoding="utf-8"))
        fault(document)
        documents[fault.__name__] = folder / f"{fault.__name__}.yaml"
        documents[fault.__name__].write_text(yaml.safe_dump(document), encoding="utf-8")
    command = [NODE, str(HERE / "check.mjs"), *map(str, documents.values())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    return dict(zip(documents, map(json.loads, done.stdout.splitlines()), strict=True))


def test_the_parser_accepts_the_document_without_a_warning(verdicts: dict[str, dict[str, Any]]) -> None:
    assert verdicts["ours"] == {"accepted": True, "channels": [topic.name for topic in TOPICS], "findings": []}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_parser_refuses_a_document(verdicts: dict[str, dict[str, Any]], fault: Callable[..., None]) -> None:
    assert verdicts[fault.__name__]["accepted"] is False
    assert verdicts[fault.__name__]["findings"]


@pytest.mark.parametrize(
    ("environment", "must"),
    [({}, False), ({"CI": "true"}, True), ({"NEEDLEDROP_TEST_ASYNCAPI": "1"}, True), ({"CI": ""}, False)],
)
def test_a_skip_is_no_answer_where_the_parser_is_meant_to_be(environment: dict[str, str], *, must: bool) -> None:
    assert must_run(environment) is must
