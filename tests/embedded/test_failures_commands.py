"""`failures` and `cache rebuild` against a broker and a Redis, with outcomes that the test writes: no workers."""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from confluent_kafka import Producer
from redis import Redis
from typer.testing import CliRunner, Result

from schemas.events import Submission, TrackFailed, TrackSubmitted
from schemas.origin import Coordinates, Origin, Position
from schemas.topics import TOPICS, TRACKS_FAILED, TRACKS_LABELED, TRACKS_SUBMITTED
from shared.redis.views import TrackViews, View, ViewKind
from shared.settings.redis import RedisSettings
from workers.cli.main import app

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
URI = "https://user:secret@example.org/a.ogg"


class Topics:
    """All topics, as their writers see them; one partition each."""

    def __init__(self, bootstrap: str, redis_url: str) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap})
        self._environment = {
            "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "NEEDLEDROP_KAFKA_EMBEDDED": "true",
            "NEEDLEDROP_REDIS_URL": redis_url,
        }
        self.views = TrackViews(RedisSettings(url=redis_url))

    def write(self, topic: str, key: str, value: bytes | None, **more: Any) -> None:
        self._producer.produce(topic, value, key=key, partition=0, **more)
        assert self._producer.flush(10) == 0

    def submission(self, track_id: str) -> TrackSubmitted:
        event = TrackSubmitted(track_id=track_id, uri=URI, submission_id=uuid.uuid4().hex, submitted_at=NOON)
        self.write(TRACKS_SUBMITTED.name, track_id, event.to_json())
        return event

    def failure(self, event: TrackSubmitted, offset: int, reason: str = "not_found") -> Position:
        """A failure of ``event``, which is said to be at ``offset`` of its topic."""
        place = Coordinates(topic=TRACKS_SUBMITTED.name, partition=0, offset=offset)
        failed = TrackFailed(
            track_id=event.track_id,
            reason=reason,
            message="nothing is there",
            stage="extractor",
            attempts=1,
            failed_at=datetime.now(UTC),
            submission=Submission.of(event, place),
            coordinates=place,
            record_sha256=hashlib.sha256(event.to_json()).hexdigest(),
            record_size_bytes=len(event.to_json()),
        )
        origin = Origin(event.submission_id, Position(1000, offset), place)
        self.write(TRACKS_FAILED.name, event.track_id, failed.to_json(), headers=origin.headers())
        return origin.position

    def label(self, track_id: str, offset: int, value: bytes | None = b"{}") -> Position:
        place = Coordinates(topic=TRACKS_SUBMITTED.name, partition=0, offset=offset)
        origin = Origin("s", Position(1000, offset), place)
        self.write(TRACKS_LABELED.name, track_id, value, headers=origin.headers())
        return origin.position

    def needledrop(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, env=self._environment)


@pytest.fixture
def topics(mock_bootstrap: Callable[[Mapping[str, int]], str], redis_url: str) -> Topics:
    redis = Redis.from_url(redis_url)
    redis.flushall()
    redis.close()
    return Topics(mock_bootstrap({topic.name: 1 for topic in TOPICS}), redis_url)


def printed(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def test_list_filters_and_keeps_the_newest(topics: Topics) -> None:
    for i in range(3):
        topics.failure(topics.submission(f"t-{i}"), i)
    topics.failure(topics.submission("u"), 3, "unreachable")
    topics.write(TRACKS_FAILED.name, "x", b"no event of ours")

    def tracks(*filters: str) -> list[str]:
        return [event["track_id"] for event in printed(topics.needledrop("failures", "list", *filters))]

    assert tracks() == ["t-0", "t-1", "t-2", "u"]
    assert tracks("--limit", "2") == ["t-2", "u"]
    assert tracks("--reason", "unreachable") == tracks("--track", "u") == ["u"]
    assert tracks("--since", "1h") == tracks()
    assert "not an event of ours at tracks.failed.v1:0:4" in topics.needledrop("failures", "list").stderr


def test_show_ends_with_3_when_there_is_no_such_failure(topics: Topics) -> None:
    assert topics.needledrop("failures", "show", "t").exit_code == 3


def test_replay_submits_the_record_with_its_secrets_and_says_what_is_gone_or_settled(topics: Topics) -> None:
    kept, gone, replaced, labeled = (topics.submission(track) for track in ("kept", "gone", "replaced", "labeled"))
    topics.failure(kept, 0)
    topics.failure(gone, 999)
    topics.failure(replaced, 1)  # another submission is there
    failed_at = topics.failure(labeled, 3)
    topics.views.write([View("labeled", Position(failed_at.timestamp_ms, 4), ViewKind.LABEL, b"{}")])

    done = topics.needledrop("failures", "replay")

    [replay] = printed(done)
    assert (replay["track_id"], replay["replay_of"]) == ("kept", kept.submission_id)
    assert "gone: the submission of 'gone' at tracks.submitted.v1:0:999" in done.stderr
    assert "gone: the submission of 'replaced' at tracks.submitted.v1:0:1" in done.stderr
    assert "1 replays submitted; 2 submissions are gone; 1 tracks have been labeled or deleted since" in done.stderr
    assert "secret" not in done.output


@pytest.mark.parametrize(
    "arguments", [("--every", "1x"), ("--since", "yesterday"), ("--every", "1s", "--reason", "not_found")]
)
def test_replay_refuses_what_it_cannot_do(topics: Topics, arguments: tuple[str, ...]) -> None:
    assert topics.needledrop("failures", "replay", *arguments).exit_code == 2


def test_rebuild_writes_the_newest_outcomes_and_removes_only_what_no_topic_has(topics: Topics) -> None:
    topics.label("relabeled", 0, b'{"n": 1}')
    newest_label = topics.label("relabeled", 1, b'{"n": 2}')
    topics.label("failed", 2)
    failed_at = topics.failure(topics.submission("failed"), 3)
    topics.failure(topics.submission("deleted"), 4)
    topics.label("deleted", 5, None)
    topics.label("relabeled", 6, b'{"n": 3}')
    ahead = View("ahead", Position(2000, 7), ViewKind.LABEL, b'{"newer": true}')
    topics.label("ahead", 0)
    gone = View("gone", Position(1, 1), ViewKind.LABEL, b"{}")
    forgotten = View("deleted-long-ago", Position(1, 2), ViewKind.DELETED)
    broken = View("relabeled", Position(1000, 6), ViewKind.LABEL, b"broken")
    topics.views.write([ahead, gone, forgotten, broken])

    [said] = printed(topics.needledrop("cache", "rebuild"))

    assert said["removed"] == 1
    assert newest_label < Position(1000, 6)
    assert topics.views.get("relabeled") == View("relabeled", Position(1000, 6), ViewKind.LABEL, b'{"n": 3}')
    found = topics.views.get("failed")
    assert found
    assert (found.kind, found.position) == (ViewKind.FAILURE, failed_at)
    assert topics.views.get("ahead") == ahead
    assert topics.views.get("gone") is None
    left = {track: kind for track, _, kind in topics.views.positions(topics.views.track_ids())}
    assert left["deleted"] is left["deleted-long-ago"] is ViewKind.DELETED
    assert "gone" not in left


def test_a_view_that_became_newer_is_not_removed(topics: Topics) -> None:
    topics.views.write([View("t", Position(1000, 2), ViewKind.LABEL, b"{}")])

    assert topics.views.remove([("t", Position(1000, 1)), ("unknown", Position(1, 1))]) == 0
    assert topics.views.get("t")
    assert topics.views.remove([("t", Position(1000, 2))]) == 1
    assert topics.views.get("t") is None
