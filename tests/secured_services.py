"""A real Kafka and a real Redis with TLS and logins, their certificates made here."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.embedded.kafka_home import KafkaHome
from shared.embedded.ports import free_port
from shared.embedded.processes import ChildProcess, ServiceStartError
from shared.embedded.redis_server import redis_binary
from shared.redis.connection import connect, unavailable_when_away
from shared.settings.kafka import KafkaSettings
from shared.settings.loading import loaded
from shared.settings.redis import RedisSettings
from tests.certificates import Authority, Certificate

# Unlike anything else, so that a log that has one of them has it from here.
SECRETS = {
    "SCRAM-SHA-256": "canary-scram-256-7f3a",
    "SCRAM-SHA-512": "canary-scram-512-7f3a",
    "PLAIN": "canary-plain-7f3a",
    "key": "canary-key-7f3a",
    "redis": "canary-redis-7f3a",
}
USER = "needle"


@dataclass(frozen=True)
class SecuredKafka:
    """Where it listens, and the settings that it takes."""

    authority: Authority
    stranger: Authority
    sasl: str
    tls: str
    plain: str
    certificate: Certificate

    def login(self, mechanism: str) -> dict[str, str]:
        """Settings for a login over TLS."""
        return {
            "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": self.sasl,
            "NEEDLEDROP_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "NEEDLEDROP_KAFKA_SASL_MECHANISM": mechanism,
            "NEEDLEDROP_KAFKA_SASL_USERNAME": USER,
            "NEEDLEDROP_KAFKA_SASL_PASSWORD": SECRETS[mechanism],
            "NEEDLEDROP_KAFKA_SSL_CA_LOCATION": str(self.authority.file),
        }

    def mutual(self) -> dict[str, str]:
        """Settings for TLS with a certificate on both sides, its key encrypted."""
        return {
            "NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS": self.tls,
            "NEEDLEDROP_KAFKA_SECURITY_PROTOCOL": "SSL",
            "NEEDLEDROP_KAFKA_SSL_CA_LOCATION": str(self.authority.file),
            "NEEDLEDROP_KAFKA_SSL_CERTIFICATE_LOCATION": str(self.certificate.certificate),
            "NEEDLEDROP_KAFKA_SSL_KEY_LOCATION": str(self.certificate.key),
            "NEEDLEDROP_KAFKA_SSL_KEY_PASSWORD": SECRETS["key"],
        }

    def ways(self) -> dict[str, dict[str, str]]:
        """All the ways in."""
        return {**{one: self.login(one) for one in ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN")}, "mTLS": self.mutual()}


@contextmanager
def secured_kafka(home: Path, folder: Path) -> Iterator[SecuredKafka]:
    """A broker that wants a login over TLS on one port, a certificate on another."""
    authority, stranger = Authority(folder / "authority", "authority"), Authority(folder / "stranger", "stranger")
    ours = authority.certificate("broker")
    sasl, tls = (f"127.0.0.1:{free_port()}" for _ in range(2))
    login = "org.apache.kafka.common.security.{} required{};"
    scram, plain = (
        login.format("scram.ScramLoginModule", ""),
        login.format("plain.PlainLoginModule", f' user_{USER}="{SECRETS["PLAIN"]}"'),
    )
    properties = {
        "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": scram,
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": scram,
        "listener.name.sasl_ssl.plain.sasl.jaas.config": plain,
        "listener.name.ssl.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(ours.both),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
    }
    users = [
        argument
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
        for argument in ("--add-scram", f"{mechanism}=[name={USER},password={SECRETS[mechanism]}]")
    ]
    with KafkaHome(
        home,
        folder / "kafka",
        more_listeners=(f"SASL_SSL://{sasl}", f"SSL://{tls}"),
        properties=properties,
        format_arguments=users,
    ) as kafka:
        client = authority.certificate("client", key_password=SECRETS["key"])
        yield SecuredKafka(authority, stranger, sasl, tls, kafka.bootstrap_servers, client)


@dataclass(frozen=True)
class SecuredRedis:
    """Where it listens, and the settings that it takes."""

    authority: Authority
    stranger: Authority
    port: int
    plain_port: int
    certificate: Certificate

    def settings(self) -> dict[str, str]:
        """Settings for a login over TLS, with a certificate of ours."""
        return {
            "NEEDLEDROP_REDIS_URL": f"rediss://127.0.0.1:{self.port}/0",
            "NEEDLEDROP_REDIS_USERNAME": USER,
            "NEEDLEDROP_REDIS_PASSWORD": SECRETS["redis"],
            "NEEDLEDROP_REDIS_TLS_CA_LOCATION": str(self.authority.file),
            "NEEDLEDROP_REDIS_TLS_CERTIFICATE_LOCATION": str(self.certificate.certificate),
            "NEEDLEDROP_REDIS_TLS_KEY_LOCATION": str(self.certificate.key),
            "NEEDLEDROP_REDIS_TIMEOUT_S": "10",
        }


@contextmanager
def secured_redis(folder: Path) -> Iterator[SecuredRedis]:
    """A Redis with TLS that asks for a certificate, and one user who may do what docs/settings.md says.

    Skips the test when the Redis of this machine was built without TLS.
    """
    authority, stranger = Authority(folder / "authority", "authority"), Authority(folder / "stranger", "stranger")
    ours = authority.certificate("redis")
    port, plain_port = free_port(), free_port()
    (folder / "users.acl").write_text(
        "user default off\n"
        f"user {USER} on >{SECRETS['redis']} ~needledrop:* -@all +@read +@write +@scripting +@connection\n"
    )
    command = [str(redis_binary()), "--bind", "127.0.0.1", "--port", str(plain_port), "--tls-port", str(port)]
    command += ["--tls-cert-file", str(ours.certificate), "--tls-key-file", str(ours.key), "--tls-auth-clients", "yes"]
    command += ["--tls-ca-cert-file", str(authority.file), "--aclfile", str(folder / "users.acl"), "--save", ""]
    server = ChildProcess("Redis with TLS", [*command, "--dir", str(folder)], log_path=folder / "redis.log")
    redis = SecuredRedis(authority, stranger, port, plain_port, authority.certificate("client"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in redis.settings().items():
            patch.setenv(name, value)
        settings = loaded(RedisSettings)
    server.start()
    try:
        server.wait_until(lambda: _answers(settings), within_s=30.0)
    except ServiceStartError as error:
        server.kill()
        if "tls-port" in str(error) or "tls" in server.output().lower():
            pytest.skip(f"the Redis of this machine has no TLS: {error}")
        raise
    try:
        yield redis
    finally:
        server.stop()


def _answers(settings: RedisSettings) -> bool:
    try:
        with connect(settings) as client, unavailable_when_away():
            return bool(client.ping())
    except Exception:  # noqa: BLE001 - whatever it is, it is no answer
        time.sleep(0.05)
        return False


def kafka_settings(environment: dict[str, str]) -> KafkaSettings:
    """The group of settings in an environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return loaded(KafkaSettings)


def redis_settings(environment: dict[str, str]) -> RedisSettings:
    """The group of settings in an environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return loaded(RedisSettings)
