import pytest
import redis
from pydantic import SecretStr

from schemas.errors import CacheUnavailableError, InvalidSettingError
from shared.redis.connection import connect, unavailable_when_away
from shared.settings.redis import RedisSettings


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost:6379", ""])
def test_connect_refuses_what_is_no_redis_url_and_names_the_setting(url: str) -> None:
    with pytest.raises(InvalidSettingError, match="NEEDLEDROP_REDIS_URL"):
        connect(RedisSettings(url=url))


def test_connect_never_waits_longer_than_the_setting_says() -> None:
    kwargs = connect(RedisSettings(url="redis://127.0.0.1:1/0", timeout_s=0.25)).connection_pool.connection_kwargs

    assert (kwargs["socket_timeout"], kwargs["socket_connect_timeout"]) == (0.25, 0.25)


def test_connect_passes_name_and_password_and_trusted_authorities_on() -> None:
    settings = RedisSettings(
        url="rediss://127.0.0.1:1/0", username="worker", password=SecretStr("hush"), tls_ca_location="/ca.pem"
    )
    kwargs = connect(settings).connection_pool.connection_kwargs

    assert (kwargs["username"], kwargs["password"], kwargs["ssl_ca_certs"]) == ("worker", "hush", "/ca.pem")


@pytest.mark.parametrize(
    ("raised", "ours"),
    [
        (redis.ConnectionError("refused"), CacheUnavailableError),
        (redis.TimeoutError("slow"), CacheUnavailableError),
        (redis.ResponseError("OOM command not allowed when used memory > 'maxmemory'"), CacheUnavailableError),
        (redis.exceptions.BusyLoadingError("loading"), CacheUnavailableError),
        (OSError("no route to host"), CacheUnavailableError),
        (redis.AuthenticationError("WRONGPASS"), InvalidSettingError),
        (redis.exceptions.NoPermissionError("NOPERM"), InvalidSettingError),
    ],
)
def test_errors_of_the_client_become_ours(raised: Exception, ours: type[Exception]) -> None:
    with pytest.raises(ours, match=str(raised).split()[0]), unavailable_when_away():
        raise raised


def test_an_error_that_is_not_the_client_s_passes_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError), unavailable_when_away():
        raise ZeroDivisionError
