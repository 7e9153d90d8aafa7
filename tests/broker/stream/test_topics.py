"""`topics create` on real Kafka."""

import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]
from typer.testing import CliRunner

from schemas.errors import InvalidSettingError
from schemas.topics import OFFSETS_KEPT_MS, TOPICS
from shared.embedded.kafka_home import KafkaHome
from shared.embedded.ports import free_port
from shared.kafka.admin import TopicState, create_topics, declared_config, offsets_kept_ms
from shared.settings.kafka import KafkaSettings
from workers.cli.main import app

if TYPE_CHECKING:
    from tests.broker.conftest import KafkaTools

pytestmark = pytest.mark.broker


def test_topics_are_created_as_declared_and_left_alone_the_second_time(kafka: "KafkaTools") -> None:
    ours = [replace(topic, name=f"{uuid.uuid4().hex[:8]}.{topic.name}") for topic in TOPICS]

    first = create_topics(kafka.settings, ours, n_partitions=3, replication=1)
    second = create_topics(kafka.settings, ours, n_partitions=5, replication=1)

    assert first == [TopicState(topic.name, created=True, n_partitions=3, differences={}) for topic in ours]
    assert second == [TopicState(topic.name, created=False, n_partitions=3, differences={}) for topic in ours]
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for topic in ours:
        [described] = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic.name)]).values()
        found = described.result(20)
        assert {name: found[name].value for name in declared_config(topic)} == declared_config(topic)


def test_a_topic_that_is_not_as_declared_is_reported_and_left_as_it_is(kafka: "KafkaTools") -> None:
    labels = replace(TOPICS[2], name=kafka.new_topic(2, **{"cleanup.policy": "delete"}))

    for _ in range(2):
        [state] = create_topics(kafka.settings, [labels], n_partitions=3, replication=1)

        assert not state.created
        assert state.n_partitions == 2
        assert state.differences["cleanup.policy"] == ("compact", "delete")
        assert state.differences["max.message.bytes"][0] == str(labels.max_message_bytes)


def test_topics_create_warns_of_brokers_that_forget_offsets_before_the_last_submission(
    kafka_home: Path, tmp_path: Path
) -> None:
    with KafkaHome(kafka_home, tmp_path, properties={"offsets.retention.minutes": "10080"}) as forgetful:
        settings = {"NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": forgetful.bootstrap_servers}
        done = CliRunner().invoke(app, ["topics", "create"], env=settings)

    assert done.exit_code == 0
    assert "7 days" in " ".join(done.stderr.split())
    assert "offsets.retention.minutes to 44640" in " ".join(done.stderr.split())


def test_the_broker_of_up_keeps_offsets_longer_than_any_submission(kafka: "KafkaTools") -> None:
    assert offsets_kept_ms(kafka.settings) == OFFSETS_KEPT_MS
    assert int(TOPICS[0].config["retention.ms"]) < OFFSETS_KEPT_MS


def test_topics_create_says_why_when_the_brokers_refuse(kafka: "KafkaTools") -> None:
    topic = replace(TOPICS[0], name=f"refused-{uuid.uuid4().hex}")

    with pytest.raises(InvalidSettingError, match=f"{topic.name} could not be created: .*[Rr]eplication"):
        create_topics(kafka.settings, [topic], n_partitions=1, replication=7)


def test_topics_create_names_the_setting_when_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.kafka.admin._TIMEOUT_S", 1.0)
    nowhere = KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}")

    with pytest.raises(InvalidSettingError, match="NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS"):
        create_topics(nowhere, TOPICS[:1], n_partitions=1, replication=1)
