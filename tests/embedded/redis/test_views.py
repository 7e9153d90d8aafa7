"""Track views on a real Redis."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from schemas.errors import CacheUnavailableError, InvalidSettingError
from schemas.origin import Position
from shared.embedded.ports import free_port
from shared.embedded.redis_server import RedisServer
from shared.redis.views import TrackViews, View, ViewKind
from shared.settings.redis import RedisSettings

DAY_S = 24 * 60 * 60


@pytest.fixture(scope="module")
def views(redis_url: str) -> TrackViews:
    return TrackViews(RedisSettings(url=redis_url))


@pytest.fixture
def track_id() -> str:
    return f"track-{uuid.uuid4().hex}"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as connection:
        yield connection


def a_label(track_id: str, timestamp_ms: int, offset: int = 0) -> View:
    return View(track_id, Position(timestamp_ms, offset), ViewKind.LABEL, f"label {timestamp_ms} {offset}".encode())


def a_deletion(track_id: str, timestamp_ms: int) -> View:
    return View(track_id, Position(timestamp_ms, 0), ViewKind.DELETED)


# Around the widths of the numbers, where text and numbers order differently, and beyond what a double can hold.
POSITIONS = [(9, 10), (10, 9), (10, 10), (1_700_000_000_000, 2**53), (1_700_000_000_000, 2**53 + 1)]


@given(st.permutations(POSITIONS), st.sampled_from(list(ViewKind)))
@settings(max_examples=60, deadline=None)
def test_the_newest_submission_wins_in_any_order_of_arrival(
    views: TrackViews, arrivals: list[tuple[int, int]], last_kind: ViewKind
) -> None:
    track_id = f"track-{uuid.uuid4().hex}"
    newest = View(track_id, Position(*max(POSITIONS)), last_kind, b"" if last_kind is ViewKind.DELETED else b"newest")

    for position in arrivals:
        views.write([newest if position == max(POSITIONS) else a_label(track_id, *position)])

    assert views.get(track_id) == (None if last_kind is ViewKind.DELETED else newest)


@given(st.permutations(POSITIONS))
@settings(max_examples=30, deadline=None)
def test_the_newest_submission_wins_within_one_batch_too(views: TrackViews, arrivals: list[tuple[int, int]]) -> None:
    track_id = f"track-{uuid.uuid4().hex}"
    n_newer = sum(position == max(arrivals[: index + 1]) for index, position in enumerate(arrivals))

    assert views.write(a_label(track_id, *position) for position in arrivals) == n_newer
    assert views.get(track_id) == a_label(track_id, *max(POSITIONS))


def test_a_deleted_track_stays_deleted_when_an_older_outcome_arrives_late(views: TrackViews, track_id: str) -> None:
    assert views.write([a_label(track_id, 1), a_deletion(track_id, 3)]) == 2

    assert views.write([a_label(track_id, 2)]) == 0

    assert views.get(track_id) is None


def test_a_track_that_is_submitted_again_after_its_deletion_has_a_view_that_does_not_expire(
    views: TrackViews, track_id: str, client: redis.Redis
) -> None:
    views.write([a_deletion(track_id, 3), a_label(track_id, 4)])

    assert views.get(track_id) == a_label(track_id, 4)
    assert client.ttl(f"needledrop:track:{track_id}") == -1


def test_a_deletion_is_remembered_as_long_as_its_tombstone(
    views: TrackViews, track_id: str, client: redis.Redis
) -> None:
    views.write([a_deletion(track_id, 3)])

    assert 31 * DAY_S - 60 < client.ttl(f"needledrop:track:{track_id}") <= 31 * DAY_S


def test_writing_the_same_outcome_again_changes_nothing(views: TrackViews, track_id: str, client: redis.Redis) -> None:
    views.write([a_label(track_id, 1)])
    before = client.hgetall(f"needledrop:track:{track_id}")

    assert views.write([a_label(track_id, 1)]) == 1

    assert client.hgetall(f"needledrop:track:{track_id}") == before


def test_a_batch_of_many_tracks_is_written_in_two_round_trips(views: TrackViews, client: redis.Redis) -> None:
    prefix = uuid.uuid4().hex
    batch = [a_label(f"{prefix}-{number}", number) for number in range(500)]
    views.write(batch[:1])  # the connection and the script are there

    reads_before = client.info("stats")["total_reads_processed"]
    assert views.write(batch) == 500
    n_reads = client.info("stats")["total_reads_processed"] - reads_before

    assert views.get(f"{prefix}-499") == batch[499]
    # One for the script's existence, then blocks of at most 16 kB, smaller ones on a busy machine; never one a view.
    assert n_reads < 100
    assert {f"{prefix}-{number}" for number in range(500)} <= set(views.track_ids())


def test_an_unknown_track_has_no_view(views: TrackViews, track_id: str) -> None:
    assert views.get(track_id) is None


def test_views_are_written_again_after_redis_has_lost_the_script(
    views: TrackViews, track_id: str, client: redis.Redis
) -> None:
    views.write([a_label(track_id, 1)])
    client.script_flush()

    assert views.write([a_label(track_id, 2)]) == 1


def test_views_are_unavailable_while_redis_is_away_and_there_again_when_it_is_back(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        views = TrackViews(RedisSettings(url=server.url))
        assert views.write([a_label("track", 1)]) == 1
        server.kill()

        for call in (lambda: views.write([a_label("track", 2)]), lambda: views.get("track"), views.require_safety):
            with pytest.raises(CacheUnavailableError, match="NEEDLEDROP_REDIS_URL"):
                call()

        server.start()
        assert views.write([a_label("track", 3)]) == 1
        assert views.get("track") == a_label("track", 3)


def test_views_name_the_settings_when_redis_refuses_the_password(tmp_path: Path) -> None:
    with RedisServer(tmp_path, is_durable=False) as server:
        with redis.Redis.from_url(server.url) as connection:
            connection.config_set("requirepass", "right")
        wrong, right, none = (
            TrackViews(RedisSettings(url=server.url, password=SecretStr(password)))
            for password in ("wrong", "right", "")
        )

        for views in (wrong, none):
            with pytest.raises(InvalidSettingError, match="NEEDLEDROP_REDIS_PASSWORD") as caught:
                views.require_safety()
            assert "wrong" not in str(caught.value).replace("WRONGPASS", "")
        right.require_safety()


def test_views_name_the_settings_when_redis_lets_us_only_read(tmp_path: Path) -> None:
    with RedisServer(tmp_path, is_durable=False) as server:
        with redis.Redis.from_url(server.url) as connection:
            connection.acl_setuser("reader", enabled=True, passwords=["+hush"], categories=["+@read"], keys=["*"])
        views = TrackViews(RedisSettings(url=server.url, username="reader", password=SecretStr("hush")))

        assert views.get("track") is None
        with pytest.raises(InvalidSettingError, match="NEEDLEDROP_REDIS_USERNAME"):
            views.write([a_label("track", 1)])


def test_views_are_not_safe_where_redis_may_evict_what_never_expires(tmp_path: Path) -> None:
    with RedisServer(tmp_path, is_durable=False) as server:
        views = TrackViews(RedisSettings(url=server.url))
        views.require_safety()

        with redis.Redis.from_url(server.url) as connection:
            connection.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(InvalidSettingError, match="allkeys-lru; set volatile-lru"):
            views.require_safety()


def test_views_are_unavailable_at_once_where_nothing_listens() -> None:
    views = TrackViews(RedisSettings(url=f"redis://127.0.0.1:{free_port()}/0"))

    with pytest.raises(CacheUnavailableError):
        views.get("track")
