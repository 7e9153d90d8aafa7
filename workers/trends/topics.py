"""The topics that must be there before Faust starts: the sources, and the changelogs, which are ours to make.

Faust declares changelogs as it starts, and joins its group without those that the brokers do not show yet; nor does
it add partitions when a source got more.
"""

import asyncio
import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from shared.settings.kafka import KafkaSettings
from workers.trends.connection import admin_client

log = logging.getLogger("needledrop.trends")

_LOOK_AGAIN_S = 1.0


class Shape(NamedTuple):
    """How a topic is spread."""

    n_partitions: int
    n_replicas: int


class Changelog(NamedTuple):
    """A topic that must be spread as its source is."""

    name: str
    source: str
    config: Mapping[str, str]


async def prepared_topics(
    kafka: KafkaSettings, sources: Sequence[str], changelogs: Sequence[Changelog], stop: threading.Event
) -> dict[str, Shape]:
    """Wait for the brokers and the sources, make the changelogs; the shapes of the sources, none after ``stop``.

    On the mock cluster, which has no CreateTopics, changelogs are waited for, too.

    Raises: InvalidSettingError.
    """
    told = ""
    while not stop.is_set():
        try:
            async with admin_client(kafka) as admin:
                shapes = await _shapes(admin)
                missing = sorted(set(sources) - set(shapes))
                if not missing and not kafka.embedded:
                    await _make(admin, changelogs, shapes)
                    shapes = await _shapes(admin)
        except (KafkaError, OSError) as error:
            fault = f"Kafka at {kafka.bootstrap_servers} does not do as asked ({type(error).__name__}: {error})"
        else:
            if missing:
                fault = f"topics are missing: {', '.join(missing)}; run `needledrop topics create`"
            elif unlike := [one for one in changelogs if not _is_like_its_source(one, shapes)]:
                fault = "; ".join(f"{one.name} must have as many partitions as {one.source}" for one in unlike)
            else:
                return {source: shapes[source] for source in sources}
        if fault != told:
            log.warning("%s; trying again", fault)
            told = fault
        await asyncio.sleep(_LOOK_AGAIN_S)
    return {}


async def _shapes(admin: AIOKafkaAdminClient) -> dict[str, Shape]:
    # Of all topics: asking for one by its name may create it.
    return {
        topic["topic"]: Shape(len(topic["partitions"]), len(topic["partitions"][0]["replicas"]))
        for topic in await admin.describe_topics()
        if topic["partitions"]
    }


def _is_like_its_source(changelog: Changelog, shapes: Mapping[str, Shape]) -> bool:
    found = shapes.get(changelog.name)
    return found is not None and found.n_partitions == shapes[changelog.source].n_partitions


async def _make(admin: AIOKafkaAdminClient, changelogs: Iterable[Changelog], found: Mapping[str, Shape]) -> None:
    new: list[NewTopic] = []
    grown: dict[str, NewPartitions] = {}
    for one in changelogs:
        wanted = found[one.source]
        if one.name not in found:
            new.append(NewTopic(one.name, *wanted, topic_configs=dict(one.config)))
        elif found[one.name].n_partitions < wanted.n_partitions:
            grown[one.name] = NewPartitions(wanted.n_partitions)
    if new:
        answer = await admin.create_topics(new)
        for name, code, *why in answer.topic_errors:
            # Another replica may have been faster.
            if code not in (0, TopicAlreadyExistsError.errno):
                raise for_code(code)(f"{name}: {' '.join(filter(None, why))}")
    if grown:
        await admin.create_partitions(grown)
