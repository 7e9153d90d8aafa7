from pathlib import Path

import pytest
import yaml

from schemas.documents import FOLDER, generated
from schemas.topics import TOPICS

GENERATED = generated()


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_a_committed_document_is_what_the_code_generates(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == GENERATED[path], "the models changed: run `make schemas`"


def test_nothing_lies_beside_the_generated_documents() -> None:
    there = {*(FOLDER / "json").iterdir(), *FOLDER.glob("*.yaml")}

    assert there == set(GENERATED)


def test_the_document_tells_every_topic_as_the_code_creates_it() -> None:
    document = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text(encoding="utf-8"))

    told = {
        channel["address"]: channel["bindings"]["kafka"]["topicConfiguration"]
        for channel in document["channels"].values()
    }
    assert set(told) == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        assert told[topic.name]["cleanup.policy"] == [topic.config["cleanup.policy"]]
        assert str(told[topic.name].get("retention.ms")) == topic.config.get("retention.ms", "None")
        assert told[topic.name].get("max.message.bytes") == topic.max_message_bytes
    assert told["tracks.labeled.v1"]["delete.retention.ms"] > told["tracks.failed.v1"]["retention.ms"]
