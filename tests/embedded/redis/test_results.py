"""The result cache on a real Redis."""

import socket
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import redis
from pydantic import SecretStr

from schemas.errors import CacheUnavailableError
from schemas.events.result import Analysed, Audio, AudioFeatures, GenreProbability, Tags, TrackResult, Versions
from shared.embedded.redis_server import RedisServer
from shared.redis.results import RedisResultCache, ResultKey
from shared.settings.redis import RedisSettings

RESULT = TrackResult(
    genres=(GenreProbability(genre="jazz", probability=0.75),),
    tags=Tags(),
    features=AudioFeatures(tempo=120.5),
    audio=Audio(
        content_hash="0" * 64, size_bytes=1, container="ogg", sample_rate_hz=44_100, n_channels=2, duration_s=30.0
    ),
    analysed=Analysed(
        policy="standard", decoded_s=30.0, cut=False, excerpt_start_s=0.0, excerpt_duration_s=30.0, n_patches=10
    ),
    versions=Versions(ensemble="1", ensemble_digest="0" * 64, features="1", taxonomy="1"),
)


@dataclass
class ManualClock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def key() -> ResultKey:
    return ResultKey(uuid.uuid4().hex, "ensemble", "features", "policy")


def test_a_result_comes_back_as_it_was_put(redis_url: str, key: ResultKey) -> None:
    cache = RedisResultCache(RedisSettings(url=redis_url))
    assert cache.get(key) is None

    cache.put(key, RESULT)

    assert cache.get(key) == RESULT


@pytest.mark.parametrize("field", ["content_hash", "ensemble_digest", "features_version", "policy"])
def test_a_result_is_not_that_of_another_content_ensemble_feature_version_or_policy(
    redis_url: str, key: ResultKey, field: str
) -> None:
    cache = RedisResultCache(RedisSettings(url=redis_url))
    cache.put(key, RESULT)

    assert cache.get(replace(key, **{field: "other"})) is None


def test_a_result_is_forgotten_when_its_time_to_live_is_over(redis_url: str, key: ResultKey) -> None:
    RedisResultCache(RedisSettings(url=redis_url, result_ttl_s=77)).put(key, RESULT)

    with redis.Redis.from_url(redis_url) as client:
        assert 70 < client.ttl(str(key)) <= 77


@pytest.mark.parametrize("value", [b"", b"not json", b"{}", b"\xff"])
def test_a_value_that_we_cannot_read_is_no_result(redis_url: str, key: ResultKey, value: bytes) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set(str(key), value)

    assert RedisResultCache(RedisSettings(url=redis_url)).get(key) is None


def test_the_cache_rests_after_a_failure_and_is_asked_again_two_seconds_later(tmp_path: Path, key: ResultKey) -> None:
    clock = ManualClock()
    with RedisServer(tmp_path, is_durable=False) as server:
        cache = RedisResultCache(RedisSettings(url=server.url), clock=clock)
        cache.put(key, RESULT)
        server.kill()

        with pytest.raises(CacheUnavailableError, match="NEEDLEDROP_REDIS_URL"):
            cache.get(key)
        server.start()
        with pytest.raises(CacheUnavailableError, match="just now"):
            cache.get(key)
        with pytest.raises(CacheUnavailableError, match="just now"):
            cache.put(key, RESULT)

        clock.now_s = 2.0
        assert cache.get(key) is None  # it forgot everything, and answers


def test_a_redis_that_never_answers_costs_the_timeout_once(key: ResultKey) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        cache = RedisResultCache(RedisSettings(url=url, timeout_s=0.2))
        began = time.monotonic()

        for _ in range(20):
            with pytest.raises(CacheUnavailableError):
                cache.get(key)

        assert 0.2 <= time.monotonic() - began < 1.5


def test_the_cache_names_the_settings_when_redis_refuses_the_password(tmp_path: Path, key: ResultKey) -> None:
    with RedisServer(tmp_path, is_durable=False) as server:
        with redis.Redis.from_url(server.url) as client:
            client.config_set("requirepass", "right")
        cache = RedisResultCache(RedisSettings(url=server.url, password=SecretStr("wrong")))

        with pytest.raises(CacheUnavailableError, match="NEEDLEDROP_REDIS_PASSWORD"):
            cache.get(key)
