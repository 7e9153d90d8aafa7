"""The Kafka settings of docker-compose.yml on a real broker, which takes a misspelt name without a word."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]

from schemas.topics import TOPICS
from shared.embedded.kafka_home import KafkaHome
from shared.embedded.ports import free_port
from shared.kafka.admin import create_topics
from shared.settings.kafka import KafkaSettings

pytestmark = pytest.mark.broker

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
# Variables that the image reads itself; each other one is a property of the broker, with dots for underscores.
OF_THE_IMAGE = {"CLUSTER_ID", "KAFKA_HEAP_OPTS"}
MISSPELT = "transaction.state.log.min.irs"


@pytest.fixture(scope="module")
def properties() -> dict[str, str]:
    environment = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["kafka"]["environment"]
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in environment.items()
        if name not in OF_THE_IMAGE
    }


@pytest.fixture(scope="module")
def kafka(
    kafka_home: Path, properties: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KafkaHome]:
    """A broker with them: only where it listens and keeps its data is ours."""
    folder, port = tmp_path_factory.mktemp("compose"), free_port()
    here = {"://kafka:19092": f"://127.0.0.1:{port}", "://:19092": f"://127.0.0.1:{port}"}
    for published in (9092, 29093):
        here[f":{published}"] = f":{free_port()}"
    moved = {**properties, "log.dirs": str(folder / "data"), MISSPELT: "1"}
    for old, new in here.items():
        moved = {name: value.replace(old, new) for name, value in moved.items()}
    with KafkaHome(kafka_home, folder, port=port, properties=moved) as broker:
        yield broker


def test_broker_knows_every_setting_of_the_compose_file(kafka: KafkaHome, properties: dict[str, str]) -> None:
    resource = ConfigResource(ResourceType.BROKER, properties["node.id"])
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    [answer] = admin.describe_configs([resource]).values()
    # An unknown one is listed, too, but its value is not told: it could be a secret.
    known = {name: entry.value for name, entry in answer.result(timeout=30).items()}
    assert known.get(MISSPELT) is None

    moved = {"listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"}
    assert {name for name in moved if known[name] is None} == set()
    assert {name: known.get(name) for name in properties.keys() - moved} == {
        name: value for name, value in properties.items() if name not in moved
    }


def test_topics_and_transactions_work_on_one_node(kafka: KafkaHome) -> None:
    create_topics(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers), TOPICS, n_partitions=2, replication=1)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": "compose", "log_level": 0})

    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(TOPICS[0].name, b"value", key=b"key")
    producer.commit_transaction(30)


def test_misspelt_topic_is_an_error(kafka: KafkaHome) -> None:
    errors: list[KafkaError | None] = []
    settings = {"bootstrap.servers": kafka.bootstrap_servers, "message.timeout.ms": 20_000, "log_level": 0}
    # By default it waits 30 s for a topic that may have been made just now.
    producer = Producer({**settings, "topic.metadata.propagation.max.ms": 1_000})

    producer.produce("tracks.submited.v1", b"value", on_delivery=lambda error, _: errors.append(error))
    producer.flush(20)

    assert [error and error.code() for error in errors] == [KafkaError.UNKNOWN_TOPIC_OR_PART]
