"""Creates the topics as the code declares them, and checks that they are there."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType  # type: ignore[attr-defined]

from schemas.errors import InvalidSettingError
from schemas.topics import Topic
from shared.kafka.clients import MAX_MESSAGE_BYTES, connection
from shared.kafka.faults import error_of
from shared.settings.kafka import KafkaSettings

_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class TopicState:
    """What `topics create` found or did."""

    name: str
    created: bool
    n_partitions: int
    differences: dict[str, tuple[str, str]]
    """Configuration that is not as declared: name -> (declared, found). Left as it is: somebody may have meant it."""


def create_topics(
    settings: KafkaSettings, topics: Iterable[Topic], *, n_partitions: int, replication: int
) -> list[TopicState]:
    """Create what is missing, with its declared configuration; report what differs in the rest.

    Raises: InvalidSettingError when the brokers cannot be reached or refuse.
    """
    admin = AdminClient(connection(settings))
    states = []
    for topic in topics:
        config = declared_config(topic)
        new = NewTopic(topic.name, num_partitions=n_partitions, replication_factor=replication, config=config)
        created = _created(admin, new)
        # Metadata of a topic that was made just now may still say that it has none.
        found = n_partitions if created else _n_partitions(admin, topic.name)
        differences = {} if created else _differences(admin, topic.name, config)
        states.append(TopicState(topic.name, created, found, differences))
    return states


def offsets_kept_ms(settings: KafkaSettings) -> int | None:
    """How long the brokers keep the offsets of a group without members; None when they do not tell."""
    admin = AdminClient(connection(settings))
    try:
        [broker, *_] = admin.list_topics(timeout=_TIMEOUT_S).brokers
        [done] = admin.describe_configs([ConfigResource(ResourceType.BROKER, str(broker))]).values()
        return int(done.result(_TIMEOUT_S)["offsets.retention.minutes"].value) * 60_000
    except (KafkaException, KeyError, TypeError, ValueError):  # not every principal and not every service may ask
        return None


def declared_config(topic: Topic) -> dict[str, str]:
    """The topic's configuration for the broker."""
    return {**topic.config, "max.message.bytes": str(topic.max_message_bytes or MAX_MESSAGE_BYTES)}


def _created(admin: AdminClient, new: NewTopic) -> bool:
    [done] = admin.create_topics([new], operation_timeout=_TIMEOUT_S, request_timeout=_TIMEOUT_S).values()
    try:
        done.result()
    except KafkaException as exception:
        error = error_of(exception)
        if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise InvalidSettingError(
            f"topic {new.topic} could not be created: {error.str()} (asked at NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS)"
        ) from None
    return True


def _n_partitions(admin: AdminClient, name: str) -> int:
    """Waits until the brokers know the topic: they hear of a new one some moments after its creation is confirmed."""
    deadline = time.monotonic() + _TIMEOUT_S
    while not (found := admin.list_topics(name, timeout=_TIMEOUT_S).topics[name].partitions):
        if time.monotonic() > deadline:
            raise InvalidSettingError(f"topic {name} was created, and after {_TIMEOUT_S:.0f} s no broker knows it")
        time.sleep(0.02)
    return len(found)


def _differences(admin: AdminClient, name: str, declared: dict[str, str]) -> dict[str, tuple[str, str]]:
    resource = ConfigResource(ResourceType.TOPIC, name)
    [done] = admin.describe_configs([resource], request_timeout=_TIMEOUT_S).values()
    found = done.result()
    return {key: (value, found[key].value) for key, value in declared.items() if found[key].value != value}
