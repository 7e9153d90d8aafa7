"""Redis: result cache and track views."""

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from shared.settings.loading import settings_config

_DAY_S = 24 * 60 * 60


class RedisSettings(BaseSettings):
    """Where Redis is, and how long results are kept there. ``NEEDLEDROP_REDIS_<FIELD>``."""

    model_config = settings_config("NEEDLEDROP_REDIS_")

    url: str = "redis://localhost:6379/0"
    """`redis://host:port/db`, or `rediss://` for TLS."""
    username: str = ""
    """ACL user; empty for the default one. It needs `~needledrop:* +@read +@write +@scripting +@connection`."""
    password: SecretStr = SecretStr("")
    """Its password."""
    tls_ca_location: str = ""
    """With `rediss://`: PEM file of the authorities to trust; empty for the system's."""
    tls_certificate_location: str = ""
    """With `rediss://`: PEM file of our certificate, for servers that ask for one (`tls-auth-clients yes`)."""
    tls_key_location: str = ""
    """With `rediss://`: PEM file of our key."""
    timeout_s: Annotated[float, Field(gt=0, le=30)] = 0.5
    """How long one call may take before the work goes on without it."""
    result_ttl_s: Annotated[int, Field(gt=0)] = 30 * _DAY_S
    """How long the result for a content is remembered after it was made. Views never expire."""
