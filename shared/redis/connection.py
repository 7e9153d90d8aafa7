"""One way to connect, one way to fail."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

from schemas.errors import CacheUnavailableError, InvalidSettingError
from shared.settings.redis import RedisSettings

Redis = redis.Redis


def connect(settings: RedisSettings) -> Redis:
    """A client; nothing is sent yet.

    Raises: InvalidSettingError when the URL is not one.
    """
    more: dict[str, Any] = {}
    if settings.url.startswith("rediss://") and settings.tls_ca_location:
        more["ssl_ca_certs"] = settings.tls_ca_location
    if settings.username:
        more["username"] = settings.username
    if settings.password.get_secret_value():
        more["password"] = settings.password.get_secret_value()
    try:
        return Redis.from_url(
            settings.url,
            socket_timeout=settings.timeout_s,
            socket_connect_timeout=settings.timeout_s,
            health_check_interval=30,
            **more,
        )
    except ValueError as error:
        raise InvalidSettingError(f"NEEDLEDROP_REDIS_URL: {error}") from None


@contextmanager
def unavailable_when_away() -> Iterator[None]:
    """Turn the client's errors into ours.

    Raises: InvalidSettingError when Redis refuses our name or password; CacheUnavailableError for all else.
    """
    try:
        yield
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        raise InvalidSettingError(
            f"Redis refuses NEEDLEDROP_REDIS_USERNAME and NEEDLEDROP_REDIS_PASSWORD: {error}"
        ) from None
    except (redis.RedisError, OSError) as error:
        raise CacheUnavailableError(f"Redis at NEEDLEDROP_REDIS_URL does not answer: {error}") from None
