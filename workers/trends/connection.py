"""How to reach the brokers, as Faust and aiokafka want it."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import faust
from aiokafka.admin import AIOKafkaAdminClient
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth
from faust.types.auth import CredentialsT

from schemas.errors import InvalidSettingError
from shared.settings.kafka import KafkaSettings


def brokers(kafka: KafkaSettings) -> list[str]:
    """The brokers to ask first, each as host:port."""
    return [address.strip() for address in kafka.bootstrap_servers.split(",") if address.strip()]


def credentials(kafka: KafkaSettings) -> CredentialsT | None:
    """The security settings as Faust's credentials; None for plain text.

    Raises: InvalidSettingError, when a certificate or key cannot be used.
    """
    context = _ssl_context(kafka) if kafka.security_protocol.endswith("SSL") else None
    if kafka.security_protocol.startswith("SASL_"):
        return faust.SASLCredentials(
            username=kafka.sasl_username,
            password=kafka.sasl_password.get_secret_value(),
            mechanism=kafka.sasl_mechanism or "PLAIN",
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None


def _ssl_context(kafka: KafkaSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=kafka.ssl_ca_location or None)
        if kafka.ssl_certificate_location:
            context.load_cert_chain(
                kafka.ssl_certificate_location,
                kafka.ssl_key_location or None,
                # Without any, OpenSSL would ask for the password of an encrypted key on the terminal.
                kafka.ssl_key_password.get_secret_value(),
            )
    except OSError as error:
        raise InvalidSettingError(f"NEEDLEDROP_KAFKA_SSL_*: a certificate or key cannot be used: {error}") from None
    return context


@asynccontextmanager
async def admin_client(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected admin client. Raises: KafkaError, when no broker answers; InvalidSettingError."""
    auth: dict[str, Any] = dict(credentials_to_aiokafka_auth(credentials(kafka)))
    client = AIOKafkaAdminClient(bootstrap_servers=brokers(kafka), **auth)
    try:
        await client.start()
        yield client
    finally:
        await client.close()
