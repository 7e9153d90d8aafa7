"""Settings for commands: the environment's, else those of a stack that `needledrop up` runs here."""

import os

from shared.kafka.access import require_access
from shared.settings.kafka import KafkaSettings
from shared.settings.loading import loaded
from shared.settings.redis import RedisSettings
from shared.settings.stack import StackSettings
from workers.cli.stack import running_stack

_REACHING = ("NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS", "NEEDLEDROP_REDIS_URL")


def use_running_stack() -> None:
    """Let commands reach the stack that runs here, unless the environment names brokers or a Redis."""
    if any(name in os.environ for name in _REACHING):
        return
    stack = running_stack(loaded(StackSettings).state)
    if stack:
        os.environ.update(stack.environment())


def kafka_settings() -> KafkaSettings:
    """How commands reach Kafka. Raises: InvalidSettingError, also when it is there and refuses us."""
    use_running_stack()
    settings = loaded(KafkaSettings)
    require_access(settings)
    return settings


def redis_settings() -> RedisSettings:
    """How commands reach Redis. Raises: InvalidSettingError."""
    use_running_stack()
    return loaded(RedisSettings)
