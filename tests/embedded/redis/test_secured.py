"""TLS and an ACL user, against a real Redis."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import CacheUnavailableError, InvalidSettingError, NeedledropError
from schemas.origin import Position
from shared.embedded.ports import free_port
from shared.redis.connection import require_login
from shared.redis.newest import NewestSubmissions, Note, Stretch
from shared.redis.results import RedisResultCache, ResultKey
from shared.redis.views import TrackViews, View, ViewKind
from tests.secured_services import SECRETS, SecuredRedis, redis_settings, secured_redis

P = "NEEDLEDROP_REDIS_"


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredRedis]:
    with secured_redis(tmp_path_factory.mktemp("secured-redis")) as running:
        yield running


def test_every_client_of_ours_works_with_the_rights_that_the_settings_page_names(redis: SecuredRedis) -> None:
    settings = redis_settings(redis.settings())
    track = f"track-{uuid.uuid4().hex}"
    view = View(track, Position(5, 7), ViewKind.LABEL, b"{}")
    require_login(settings)

    views, newest = TrackViews(settings), NewestSubmissions(settings, "topic")
    assert views.write([view]) == 1
    assert views.get(track) == view
    assert track in set(views.track_ids())
    assert list(views.positions([track])) == [(track, view.position, view.kind)]
    assert views.remove([(track, view.position)]) == 1
    newest.write([Stretch(0, 0, 1, (Note(track, view.position, "s"),))])
    assert newest.standing(0, track).complete_to == 1
    assert RedisResultCache(settings).get(ResultKey("hash", "digest", "1", "policy")) is None


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"PASSWORD": "wrong"}, "NEEDLEDROP_REDIS_PASSWORD"),
        ({"PASSWORD": ""}, "NEEDLEDROP_REDIS_PASSWORD"),
        ({"USERNAME": "nobody"}, "NEEDLEDROP_REDIS_USERNAME"),
        ({"USERNAME": "", "PASSWORD": ""}, "NEEDLEDROP_REDIS_USERNAME"),
        ({"TLS_CA_LOCATION": "{stranger}"}, "NEEDLEDROP_REDIS_TLS_CA_LOCATION"),
        ({"TLS_CA_LOCATION": ""}, "NEEDLEDROP_REDIS_TLS_CA_LOCATION"),
        ({"TLS_CA_LOCATION": "/no/such/file.pem"}, "NEEDLEDROP_REDIS_TLS_CA_LOCATION"),
        ({"TLS_KEY_LOCATION": "{stranger_key}"}, "_KEY_LOCATION"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(redis: SecuredRedis, changes: dict[str, str], named: str) -> None:
    with pytest.raises(InvalidSettingError, match=named) as caught:
        require_login(redis_settings({**redis.settings(), **filled(changes, redis)}))

    assert "\n" not in str(caught.value)
    assert SECRETS["redis"] not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"TLS_CERTIFICATE_LOCATION": "", "TLS_KEY_LOCATION": ""}, "NEEDLEDROP_REDIS_TLS_CERTIFICATE_LOCATION"),
        (
            {"TLS_CERTIFICATE_LOCATION": "{stranger_certificate}", "TLS_KEY_LOCATION": "{stranger_key}"},
            "NEEDLEDROP_REDIS_TLS_CERTIFICATE_LOCATION",
        ),
        ({"URL": "redis://127.0.0.1:{port}/0"}, "must be rediss://"),
        ({"URL": "rediss://127.0.0.1:{plain_port}/0", "TIMEOUT_S": "1"}, "NEEDLEDROP_REDIS_URL"),
        ({"URL": "rediss://127.0.0.1:{nobody}/0"}, "NEEDLEDROP_REDIS_URL"),
    ],
)
def test_what_may_also_be_a_redis_that_is_away_names_the_setting_too(
    redis: SecuredRedis, changes: dict[str, str], named: str
) -> None:
    settings = redis_settings({**redis.settings(), **filled(changes, redis)})

    with pytest.raises(NeedledropError, match=named) as caught:
        TrackViews(settings).require_safety()

    assert isinstance(caught.value, CacheUnavailableError | InvalidSettingError)
    assert "\n" not in str(caught.value)


def filled(changes: dict[str, str], redis: SecuredRedis) -> dict[str, str]:
    stranger = redis.stranger.certificate("client")
    places: dict[str, int | Path] = {
        "port": redis.port,
        "plain_port": redis.plain_port,
        "nobody": free_port(),
        "stranger": redis.stranger.file,
        "stranger_certificate": stranger.certificate,
        "stranger_key": stranger.key,
    }
    return {P + name: value.format(**places) for name, value in changes.items()}
