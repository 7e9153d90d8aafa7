"""Bulk submits on real Kafka, which holds whole batches against a topic's max.message.bytes."""

import random
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from schemas.events import TrackSubmitted
from schemas.topics import TOPICS, TRACKS_SUBMITTED
from shared.kafka.admin import create_topics
from shared.kafka.ranges import RangeReader
from shared.kafka.submitting import Submitter

if TYPE_CHECKING:
    from tests.broker.conftest import KafkaTools

pytestmark = pytest.mark.broker

N_EVENTS = 1500
ATTRIBUTES_CHARACTERS = 900


def test_many_large_submissions_at_once_are_all_taken(kafka: "KafkaTools") -> None:
    create_topics(kafka.settings, TOPICS, n_partitions=4, replication=1)
    chance = random.Random(1)
    ours = uuid.uuid4().hex
    # Of different characters, so that compression does not save the batch.
    text = ["".join(chr(chance.randrange(0x4E00, 0x9FA5)) for _ in range(ATTRIBUTES_CHARACTERS)) for _ in range(40)]

    with Submitter(kafka.settings, max_outstanding=10 * N_EVENTS) as submitter:
        for number in range(N_EVENTS):
            submitter.submit(
                TrackSubmitted(
                    track_id=f"{ours}-{number}",
                    uri="file:///a.ogg",
                    submission_id=str(uuid.uuid4()),
                    submitted_at=datetime.now(UTC),
                    attributes={"text": text[number % len(text)]},
                )
            )

    reader = RangeReader(kafka.settings)
    try:
        bounds = reader.bounds(TRACKS_SUBMITTED.name)
        keys = [
            record.key_text
            for partition, (low, high) in bounds.items()
            for record in reader.between(TRACKS_SUBMITTED.name, partition, low, high)
        ]
    finally:
        reader.close()
    assert sorted(key for key in keys if key.startswith(ours)) == sorted(f"{ours}-{n}" for n in range(N_EVENTS))
