"""TLS, SASL and certificates, against a real Kafka: every client of ours, right and wrong credentials."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import NeedledropError
from shared.embedded.ports import free_port
from shared.kafka.access import require_access
from shared.kafka.admin import create_topics
from tests.secured_services import SECRETS, SecuredKafka, kafka_settings, secured_kafka
from workers.trends.connection import admin_client

pytestmark = pytest.mark.broker
K = "NEEDLEDROP_KAFKA_"
WAYS = ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN", "mTLS")


@pytest.fixture(scope="module")
def kafka(kafka_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    with secured_kafka(kafka_home, tmp_path_factory.mktemp("secured")) as running:
        yield running


@pytest.mark.parametrize("way", WAYS)
def test_both_client_libraries_get_in_with_right_credentials(kafka: SecuredKafka, way: str) -> None:
    settings = kafka_settings(kafka.ways()[way])

    async def topics() -> object:
        async with admin_client(settings) as admin:
            return await admin.list_topics()

    require_access(settings)
    create_topics(settings, [], n_partitions=1, replication=1)
    assert isinstance(asyncio.run(topics()), list)


@pytest.mark.parametrize(
    ("way", "changes", "named"),
    [
        ("SCRAM-SHA-256", {"SASL_PASSWORD": "wrong"}, "NEEDLEDROP_KAFKA_SASL_PASSWORD"),
        ("SCRAM-SHA-512", {"SASL_PASSWORD": "wrong"}, "NEEDLEDROP_KAFKA_SASL_PASSWORD"),
        ("PLAIN", {"SASL_PASSWORD": "wrong"}, "NEEDLEDROP_KAFKA_SASL_PASSWORD"),
        ("SCRAM-SHA-256", {"SASL_USERNAME": "nobody"}, "NEEDLEDROP_KAFKA_SASL_USERNAME"),
        ("SCRAM-SHA-256", {"SASL_PASSWORD": ""}, "NEEDLEDROP_KAFKA_SASL_PASSWORD"),
        ("SCRAM-SHA-256", {"SASL_MECHANISM": "SCRAM-SHA-512"}, "NEEDLEDROP_KAFKA_SASL_PASSWORD"),
        ("SCRAM-SHA-256", {"SASL_MECHANISM": ""}, "NEEDLEDROP_KAFKA_SASL_MECHANISM"),
        ("SCRAM-SHA-256", {"SSL_CA_LOCATION": "{stranger}"}, "NEEDLEDROP_KAFKA_SSL_CA_LOCATION"),
        ("SCRAM-SHA-256", {"SSL_CA_LOCATION": ""}, "NEEDLEDROP_KAFKA_SSL_CA_LOCATION"),
        ("SCRAM-SHA-256", {"SSL_CA_LOCATION": "/no/such.pem"}, "NEEDLEDROP_KAFKA_SSL_CA_LOCATION"),
        ("SCRAM-SHA-256", {"BOOTSTRAP_SERVERS": "{tls}"}, "NEEDLEDROP_KAFKA_S"),
        ("mTLS", {"SSL_CERTIFICATE_LOCATION": "", "SSL_KEY_LOCATION": ""}, "NEEDLEDROP_KAFKA_SSL_CERTIFICATE_LOCATION"),
        (
            "mTLS",
            {
                "SSL_CERTIFICATE_LOCATION": "{stranger_certificate}",
                "SSL_KEY_LOCATION": "{stranger_key}",
                "SSL_KEY_PASSWORD": "",
            },
            "NEEDLEDROP_KAFKA_SSL_CERTIFICATE_LOCATION",
        ),
        ("mTLS", {"SSL_KEY_PASSWORD": "wrong"}, "NEEDLEDROP_KAFKA_SSL_KEY_PASSWORD"),
        ("mTLS", {"SSL_CERTIFICATE_LOCATION": "/no/such.pem"}, "NEEDLEDROP_KAFKA_SSL_CERTIFICATE_LOCATION"),
        ("mTLS", {"BOOTSTRAP_SERVERS": "{plain}"}, "NEEDLEDROP_KAFKA_SECURITY_PROTOCOL"),
        ("mTLS", {"SECURITY_PROTOCOL": "PLAINTEXT"}, "NEEDLEDROP_KAFKA_SECURITY_PROTOCOL"),
    ],
)
def test_wrong_credentials_are_one_line_that_names_the_setting(
    kafka: SecuredKafka, way: str, changes: dict[str, str], named: str
) -> None:
    stranger = kafka.stranger.certificate("client")
    places = {
        "tls": kafka.tls,
        "plain": kafka.plain,
        "stranger": kafka.stranger.file,
        "stranger_certificate": stranger.certificate,
        "stranger_key": stranger.key,
    }
    wrong = {K + name: value.format(**places) for name, value in changes.items()}

    with pytest.raises(NeedledropError, match=named) as caught:
        require_access(kafka_settings({**kafka.ways()[way], **wrong}))

    assert "\n" not in str(caught.value)
    assert not any(secret in str(caught.value) for secret in SECRETS.values())


def test_a_broker_that_is_not_there_is_no_wrong_setting(kafka: SecuredKafka) -> None:
    nobody = {"NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}"}

    require_access(kafka_settings({**kafka.login("PLAIN"), **nobody}))
