import socket
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from shared.embedded.kafka_home import KafkaHome
from shared.embedded.ports import free_port
from shared.embedded.processes import ServiceStartError

pytestmark = pytest.mark.broker


def publish(bootstrap: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
    producer.produce("tracks", value, partition=0)
    assert producer.flush(30) == 0


def values(bootstrap: str, count: int) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "readers", "log_level": 0})
    found: list[bytes | None] = []
    deadline = time.monotonic() + 20.0
    try:
        consumer.assign([TopicPartition("tracks", 0, 0)])
        while len(found) < count and time.monotonic() < deadline:
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                found.append(message.value())
    finally:
        consumer.close()
    return found


def test_kafka_keeps_its_data_and_its_address_when_it_is_killed_and_when_it_is_stopped(own_kafka: KafkaHome) -> None:
    bootstrap = own_kafka.bootstrap_servers
    publish(bootstrap, b"one")

    own_kafka.kill()
    assert not own_kafka.is_alive
    own_kafka.start()
    publish(bootstrap, b"two")
    own_kafka.stop()
    own_kafka.start()

    assert own_kafka.bootstrap_servers == bootstrap
    assert values(bootstrap, 2) == [b"one", b"two"]


def test_kafka_serves_a_sasl_user_when_properties_and_format_arguments_say_so(kafka_home: Path, tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    properties = {
        "sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
    }
    user = ("--add-scram", "SCRAM-SHA-256=[name=needledrop,password=secret]")
    listeners = (f"SASL_PLAINTEXT://{address}",)
    with KafkaHome(
        kafka_home, tmp_path / "kafka", more_listeners=listeners, properties=properties, format_arguments=user
    ):
        settings = {"sasl.mechanism": "SCRAM-SHA-256", "sasl.username": "needledrop", "sasl.password": "secret"}
        settings |= {"bootstrap.servers": address, "security.protocol": "SASL_PLAINTEXT", "log_level": "0"}
        producer = Producer(settings)

        assert 1 in producer.list_topics(timeout=20).brokers


def test_kafka_names_the_port_when_it_is_in_use(kafka_home: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]

        with pytest.raises(ServiceStartError, match=f"port {port} of 127.0.0.1 is in use"):
            KafkaHome(kafka_home, tmp_path, port=port).start()


def test_kafka_says_what_the_storage_tool_said_when_the_folder_cannot_be_formatted(
    kafka_home: Path, tmp_path: Path
) -> None:
    with pytest.raises(ServiceStartError, match=r"cannot format(.|\n)*Invalid value first"):
        KafkaHome(kafka_home, tmp_path, properties={"node.id": "first"}).start()


def test_kafka_is_refused_a_folder_when_another_uses_it(own_kafka: KafkaHome, kafka_home: Path) -> None:
    publish(own_kafka.bootstrap_servers, b"one")

    with pytest.raises(ServiceStartError, match="another process is using"):
        KafkaHome(kafka_home, own_kafka.folder).start()

    assert values(own_kafka.bootstrap_servers, 1) == [b"one"]


def test_kafka_says_its_last_words_when_it_does_not_come_up(kafka_home: Path, tmp_path: Path) -> None:
    kafka = KafkaHome(kafka_home, tmp_path, properties={"authorizer.class.name": "no.Such"})

    with pytest.raises(ServiceStartError, match=r"Kafka ended with exit code 1(.|\n)*no\.Such"):
        kafka.start()


def test_kafka_bootstrap_fixture_leads_to_a_broker(kafka_bootstrap: str) -> None:
    assert Producer({"bootstrap.servers": kafka_bootstrap}).list_topics(timeout=20).brokers
