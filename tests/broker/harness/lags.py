"""How far groups are behind, asked of the broker."""

from collections.abc import Sequence

from confluent_kafka import TopicPartition

from shared.kafka.clients import reader
from shared.settings.kafka import KafkaSettings
from tests.broker.harness.census import Invariant

_ANSWER_WITHIN_S = 10.0


def lag_of(settings: KafkaSettings, group: str, topics: Sequence[str]) -> int:
    """Offsets between the end of all partitions of ``topics`` and what the group has committed."""
    places = (place for topic in topics for place in places_of(settings, group, topic).values())
    return sum(end - committed for committed, end in places)


def places_of(settings: KafkaSettings, group: str, topic: str) -> dict[int, tuple[int, int]]:
    """What the group has committed of each partition, and where that ends."""
    consumer = reader(settings, group)
    try:
        found = consumer.list_topics(topic, timeout=_ANSWER_WITHIN_S).topics[topic].partitions
        asked = [TopicPartition(topic, partition) for partition in found]
        places = {}
        for one in consumer.committed(asked, timeout=_ANSWER_WITHIN_S):
            low, high = consumer.get_watermark_offsets(one, timeout=_ANSWER_WITHIN_S)
            places[one.partition] = (max(one.offset, low), high)
        return places
    finally:
        consumer.close()


def no_lag(settings: KafkaSettings, group: str, topics: Sequence[str]) -> Invariant:
    """The group has committed all there is."""
    return lambda: f"{group} lags {lag} offsets behind" if (lag := lag_of(settings, group, topics)) else None
