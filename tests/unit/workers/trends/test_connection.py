import ssl
from pathlib import Path

import pytest
from pydantic import SecretStr

from schemas.errors import InvalidSettingError
from shared.settings.kafka import KafkaSettings
from workers.trends.connection import brokers, credentials


def security(settings: KafkaSettings) -> dict[str, object]:
    """What aiokafka is told in the end."""
    from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

    return dict(credentials_to_aiokafka_auth(credentials(settings)))


def test_brokers_are_listed_one_by_one() -> None:
    assert brokers(KafkaSettings(bootstrap_servers="a:9092, b:9093,")) == ["a:9092", "b:9093"]


def test_plain_text_needs_no_credentials() -> None:
    assert credentials(KafkaSettings()) is None


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_login_is_told_as_the_settings_have_it(protocol: str, mechanism: str) -> None:
    found = security(
        KafkaSettings.model_validate(
            {
                "security_protocol": protocol,
                "sasl_mechanism": mechanism,
                "sasl_username": "needle",
                "sasl_password": SecretStr("drop"),
            }
        )
    )

    assert found["security_protocol"] == protocol
    assert found["sasl_mechanism"] == mechanism
    assert (found["sasl_plain_username"], found["sasl_plain_password"]) == ("needle", "drop")
    assert isinstance(found["ssl_context"], ssl.SSLContext) is (protocol == "SASL_SSL")


def test_tls_checks_who_the_broker_is() -> None:
    context = security(KafkaSettings(security_protocol="SSL"))["ssl_context"]

    assert isinstance(context, ssl.SSLContext)
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_certificate_that_is_missing_is_an_invalid_setting(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError, match="NEEDLEDROP_KAFKA_SSL_"):
        credentials(KafkaSettings(security_protocol="SSL", ssl_ca_location=str(tmp_path / "nobody.pem")))
