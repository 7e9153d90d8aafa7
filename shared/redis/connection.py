"""One way to connect, one way to fail."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import redis

from schemas.errors import CacheUnavailableError, InvalidSettingError
from shared.settings.redis import RedisSettings

Redis = redis.Redis

# What OpenSSL says about a handshake, and what it means for whoever set us up.
_TLS_FAULTS: Final = tuple(
    (re.compile(pattern), said)
    for pattern, said in (
        (
            "CERTIFICATE_VERIFY_FAILED",
            "NEEDLEDROP_REDIS_TLS_CA_LOCATION has not the authority of its certificate, or it is for another host",
        ),
        (
            "CERTIFICATE_REQUIRED|ALERT_(BAD_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE)",
            "it refuses NEEDLEDROP_REDIS_TLS_CERTIFICATE_LOCATION, or wants one",
        ),
        ("WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE", "NEEDLEDROP_REDIS_URL is rediss://, and it speaks plain text"),
        (
            "^(?!.*unix socket).*No such file|PEM|KEY_VALUES_MISMATCH|NO_CERTIFICATE_OR_CRL_FOUND|Invalid CA",
            "a file of NEEDLEDROP_REDIS_TLS_CA_LOCATION, _CERTIFICATE_LOCATION or _KEY_LOCATION cannot be used",
        ),
    )
)
# What one hears of a Redis that goes away, too.
_HANGS_UP: Final = re.compile("EOF occurred|reset by peer|closed by server|Broken pipe")
_WHY_IT_MAY: Final = (
    "; if it speaks TLS, the URL must be rediss://, and it may want a NEEDLEDROP_REDIS_TLS_CERTIFICATE_LOCATION"
)


def connect(settings: RedisSettings) -> Redis:
    """A client; nothing is sent yet.

    Raises: InvalidSettingError when the URL is not one.
    """
    more: dict[str, Any] = {}
    if settings.url.startswith("rediss://"):
        files = {
            "ssl_ca_certs": settings.tls_ca_location,
            "ssl_certfile": settings.tls_certificate_location,
            "ssl_keyfile": settings.tls_key_location,
        }
        more |= {name: path for name, path in files.items() if path}
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
    except ValueError:  # whose text may hold a piece of the password
        raise InvalidSettingError(
            "NEEDLEDROP_REDIS_URL: must be redis://host:port/db, or rediss:// for TLS; the login is better in "
            "NEEDLEDROP_REDIS_USERNAME and NEEDLEDROP_REDIS_PASSWORD"
        ) from None


def require_login(settings: RedisSettings) -> None:
    """Return when Redis lets us in, or when it is away, for work goes on without it.

    Raises: InvalidSettingError when it is there and refuses us; the message names the setting.
    """
    with connect(settings) as client, suppress(CacheUnavailableError), unavailable_when_away():
        client.ping()


@contextmanager
def unavailable_when_away() -> Iterator[None]:
    """Turn the client's errors into ours.

    Raises: InvalidSettingError when Redis refuses our name, password or certificate, or we its; CacheUnavailableError
        for all else.
    """
    try:
        yield
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        raise InvalidSettingError(
            f"Redis refuses NEEDLEDROP_REDIS_USERNAME and NEEDLEDROP_REDIS_PASSWORD: {error}"
        ) from None
    except (redis.RedisError, OSError) as error:
        fault = next((said for pattern, said in _TLS_FAULTS if pattern.search(str(error))), None)
        if fault:
            raise InvalidSettingError(f"no TLS with Redis: {fault} ({error})") from None
        hint = _WHY_IT_MAY if _HANGS_UP.search(str(error)) else ""
        raise CacheUnavailableError(f"Redis at NEEDLEDROP_REDIS_URL does not answer: {error}{hint}") from None
