"""The broker, and our patience with it."""

from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from shared.settings.loading import settings_config


class KafkaSettings(BaseSettings):
    """How to reach Kafka, and how the stream loop behaves. ``NEEDLEDROP_KAFKA_<FIELD>``."""

    model_config = settings_config("NEEDLEDROP_KAFKA_")

    bootstrap_servers: str = "localhost:9092"
    """Brokers to ask first, comma-separated host:port."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How to talk to the brokers."""
    sasl_mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = ""
    """With SASL_*: how to log in."""
    sasl_username: str = ""
    """With SASL_*: as whom."""
    sasl_password: SecretStr = SecretStr("")
    """With SASL_*: the password."""
    ssl_ca_location: str = ""
    """With SSL: PEM file of the authorities to trust; empty for the system's."""
    ssl_certificate_location: str = ""
    """With SSL: PEM file of our certificate, for brokers that ask for one."""
    ssl_key_location: str = ""
    """With SSL: PEM file of our key."""
    ssl_key_password: SecretStr = SecretStr("")
    """With SSL: password of our key."""
    group_protocol: Literal["classic", "consumer"] = "classic"
    """`consumer` is KIP-848's, where the brokers have it (Apache Kafka 4.0 and later)."""
    slot: str = ""
    """A name that stays when this worker is replaced (an ordinal, say). With it a killed worker's successor takes its
    partitions over at once and fences its open transaction; without, after session_timeout_s. Unique in its group."""
    session_timeout_s: Annotated[float, Field(ge=1, le=300)] = 6.0
    """A worker that is silent for so long loses its partitions to others."""
    transaction_timeout_s: Annotated[float, Field(ge=1, le=900)] = 10.0
    """A dead worker's open transaction stalls readers for at most so long."""
    backlog_limit: Annotated[int, Field(ge=2)] = 400
    """The extractor waits while a partition of the features topic has so many offsets that the classifier has not
    committed; a record written alone is two offsets."""
    embedded: bool = False
    """The broker is librdkafka's mock cluster, which discards transactional offsets. Set by `needledrop up`."""
