from dataclasses import replace

import pytest

from schemas.topics import DAY_MS, TOPICS, TRACKS_FAILED, TRACKS_FEATURES, TRACKS_LABELED, TRACKS_SUBMITTED, Topic
from shared.kafka.admin import declared_config
from shared.kafka.clients import MAX_MESSAGE_BYTES


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_declared_topic_has_a_cleanup_policy_and_a_message_limit_that_our_clients_can_read(topic: Topic) -> None:
    config = declared_config(topic)

    assert config["cleanup.policy"] in ("delete", "compact")
    assert 0 < int(config["max.message.bytes"]) <= MAX_MESSAGE_BYTES


def test_only_labels_are_compacted() -> None:
    compacted = [topic.name for topic in TOPICS if declared_config(topic)["cleanup.policy"] == "compact"]

    assert compacted == [TRACKS_LABELED.name]


def test_a_tombstone_of_labels_outlives_every_failure_of_its_track() -> None:
    tombstones_kept_ms = int(declared_config(TRACKS_LABELED)["delete.retention.ms"])

    assert tombstones_kept_ms - int(declared_config(TRACKS_FAILED)["retention.ms"]) >= DAY_MS


def test_a_submission_s_position_is_the_broker_s_time() -> None:
    assert declared_config(TRACKS_SUBMITTED)["message.timestamp.type"] == "LogAppendTime"


def test_a_topic_without_a_limit_of_its_own_gets_that_of_our_producers() -> None:
    unlimited = replace(TRACKS_FEATURES, max_message_bytes=None)

    assert declared_config(unlimited)["max.message.bytes"] == str(MAX_MESSAGE_BYTES)
