"""The projector on real Kafka: what was aborted never reaches a view."""

import threading
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from schemas.origin import Coordinates, Origin, Position
from schemas.topics import TOPICS, TRACKS_LABELED
from shared.kafka.admin import create_topics
from shared.kafka.clients import transactional_producer
from shared.redis.views import TrackViews
from shared.settings.redis import RedisSettings
from shared.settings.workers import HttpSettings
from workers.projector.main import run

if TYPE_CHECKING:
    from tests.broker.conftest import KafkaTools

pytestmark = pytest.mark.broker

N_ROUNDS = 5


def headers(timestamp_ms: int) -> list[tuple[str, str | bytes | None]]:
    coordinates = Coordinates(topic="tracks.submitted.v1", partition=0, offset=timestamp_ms)
    return [*Origin(f"submission-{timestamp_ms}", Position(timestamp_ms, 0), coordinates).headers()]


def test_an_aborted_label_never_reaches_a_view(
    kafka: "KafkaTools", redis_url: str, eventually: Callable[..., None]
) -> None:
    create_topics(kafka.settings, TOPICS, n_partitions=4, replication=1)
    redis = RedisSettings(url=redis_url)
    views = TrackViews(redis)
    stop = threading.Event()
    projector = threading.Thread(target=run, args=(kafka.settings, redis, HttpSettings(port=0), stop), daemon=True)
    projector.start()
    producer = transactional_producer(kafka.settings, f"labels-{uuid.uuid4().hex}")
    producer.init_transactions(20)
    try:
        for _ in range(N_ROUNDS):
            track_id = f"track-{uuid.uuid4().hex}"
            key = track_id.encode()
            # The aborted one is of a newer submission: were it ever seen, it would win.
            for value, timestamp_ms, commits in ((b"committed", 1, True), (b"aborted", 9, False)):
                producer.begin_transaction()
                producer.produce(TRACKS_LABELED.name, value, key=key, headers=headers(timestamp_ms))
                producer.flush(10)
                time.sleep(0.1)  # an open transaction is there to be read, too
                assert (view := views.get(track_id)) is None or view.value == b"committed"
                (producer.commit_transaction if commits else producer.abort_transaction)(10)
            producer.begin_transaction()
            producer.produce(TRACKS_LABELED.name, b"last", key=key, headers=headers(2))
            producer.commit_transaction(10)

            def shows_the_last(track_id: str = track_id) -> str | None:
                view = views.get(track_id)
                assert view is None or view.value != b"aborted"
                return None if view and view.value == b"last" else f"{track_id} shows {view}"

            eventually(shows_the_last)
    finally:
        stop.set()
        projector.join(20)
    assert not projector.is_alive()
