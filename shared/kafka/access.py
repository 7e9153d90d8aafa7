"""Whether the brokers let us in; and if they do not, which setting to look at."""

import logging
import re
import time
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from schemas.errors import InvalidSettingError, UnreachableError
from shared.kafka.clients import connection
from shared.kafka.faults import error_of
from shared.settings.kafka import KafkaSettings

# A broker that is up answers in milliseconds, one that starts within some seconds.
_PATIENCE_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.25

_LOGIN: Final = "NEEDLEDROP_KAFKA_SASL_USERNAME and NEEDLEDROP_KAFKA_SASL_PASSWORD"
_PROTOCOL: Final = "NEEDLEDROP_KAFKA_SECURITY_PROTOCOL"
# What librdkafka and OpenSSL say, and what it means for whoever set us up. The first that matches counts.
_MEANINGS: Final = tuple(
    (re.compile(pattern), meaning)
    for pattern, meaning in (
        ("mechanism handshake failed", f"NEEDLEDROP_KAFKA_SASL_MECHANISM or {_PROTOCOL} is not what they offer"),
        ("SASL authentication error|Authentication failed|AUTHENTICATION_FAILED", f"they refuse {_LOGIN}"),
        (
            "certificate verify failed|could not be verified",
            "NEEDLEDROP_KAFKA_SSL_CA_LOCATION has not the authority of their certificate, or it is for another host",
        ),
        (
            "alert (bad certificate|certificate required|unknown ca|certificate unknown|handshake failure)",
            "they refuse NEEDLEDROP_KAFKA_SSL_CERTIFICATE_LOCATION, or want one",
        ),
        ("PLAINTEXT broker listener|wrong version number|packet length", f"{_PROTOCOL} is wrong"),
    )
)
# Properties of librdkafka in its complaints about a configuration.
_PROPERTIES: Final = {
    "ssl.ca.location": "NEEDLEDROP_KAFKA_SSL_CA_LOCATION: no PEM file that can be read",
    "ssl.certificate.location": "NEEDLEDROP_KAFKA_SSL_CERTIFICATE_LOCATION: no PEM file that can be read",
    "ssl.key.location": (
        "NEEDLEDROP_KAFKA_SSL_KEY_LOCATION: no PEM file that can be read with NEEDLEDROP_KAFKA_SSL_KEY_PASSWORD"
    ),
    "sasl.username": f"{_LOGIN}: both are needed",
    "SASL mechanism": "NEEDLEDROP_KAFKA_SASL_MECHANISM: name one",
}
_NOBODY: Final = frozenset((KafkaError._RESOLVE, KafkaError._TIMED_OUT))  # noqa: SLF001 - public constants


def require_access(settings: KafkaSettings) -> None:
    """Return as soon as a broker has answered, or when nobody is there, who may still come.

    Raises: InvalidSettingError when brokers are there and refuse us, or what we have for them cannot be used; the
        message names the setting. UnreachableError when they hang up, which has one more reason than a wrong setting.
    """
    errors: list[KafkaError] = []
    quiet = logging.getLogger("needledrop.librdkafka.access")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    try:
        client = AdminClient(connection(settings) | {"error_cb": errors.append, "logger": quiet, "log_level": 0})
    except KafkaException as exception:
        raise InvalidSettingError(unusable(error_of(exception).str())) from None
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            client.list_topics(timeout=_LOOK_EVERY_S)
        except KafkaException:
            client.poll(0)  # has errors given to us
        else:
            return
        for error in errors:
            if said := meaning(error.str()):
                raise InvalidSettingError(
                    f"no access to Kafka at {settings.bootstrap_servers} with {settings.security_protocol}: {said} "
                    f"({error.name().removeprefix('_')})"
                )
        if any(error.code() in _NOBODY or "Connect to" in error.str() for error in errors):
            return
    if errors:  # Connections are taken and closed without a word: what brokers do that are addressed wrongly, or start.
        raise UnreachableError(
            f"Kafka at {settings.bootstrap_servers} hangs up on us: {_PROTOCOL} ({settings.security_protocol}) is "
            "probably not what it speaks there"
        )


def meaning(text: str) -> str | None:
    """Which setting an error of a connection is about; None when it is about none."""
    return next((said for pattern, said in _MEANINGS if pattern.search(text)), None)


def unusable(text: str) -> str:
    """Which setting librdkafka complains about."""
    return next((said for name, said in _PROPERTIES.items() if name in text), f"NEEDLEDROP_KAFKA_*: {text}")
