"""Partitions that nobody in the group has, though it is at rest: the one thing that a kept slot can leave behind.

A member with a slot that starts again gets, without a rebalance, what its predecessor was to have (KIP-345). In a
cooperative rebalance partitions change hands in two rounds, and it is the giver who asks for the second (KIP-429). One
that dies between the two is replaced by a member that has given nothing back and asks for nothing: what it was to give
belongs to nobody, for ever. So whoever takes a slot looks once, and asks for a rebalance where that has happened.
"""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import ConsumerGroupState, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from shared.kafka.clients import connection
from shared.kafka.faults import error_of
from shared.kafka.spec import StreamSpec
from shared.settings.kafka import KafkaSettings

log = logging.getLogger("needledrop.kafka")

# A rebalance in good health is between its rounds for some milliseconds: what belongs to nobody twice, so far apart, is
# left behind.
_LOOK_EVERY_S: Final = 3.0
_ANSWER_WITHIN_S: Final = 10.0


class Unowned:
    """Looks for them, until it has seen once that there are none. Waits for nothing; for one thread."""

    def __init__(self, settings: KafkaSettings, spec: StreamSpec) -> None:
        self._settings = settings
        self._spec = spec
        self._is_over = not settings.slot or settings.group_protocol != "classic" or settings.embedded
        self._look_at = 0.0
        self._seen: set[tuple[str, int]] = set()
        self._admin: AdminClient | None = None
        self._answers: list[Future[Any]] = []

    def left_behind(self) -> bool:
        """Whether there are some, the same as at the last look: then somebody must join again. For joined members."""
        if self._is_over:
            return False
        if self._answers:
            return all(answer.done() for answer in self._answers) and self._is_confirmed()
        if not self._look_at:
            self._look_at = time.monotonic() + _LOOK_EVERY_S
        elif time.monotonic() >= self._look_at:
            self._ask()
        return False

    def _ask(self) -> None:
        self._admin = self._admin or AdminClient(connection(self._settings))
        topics = TopicCollection(list(self._spec.inboxes))
        self._answers = [
            *self._admin.describe_consumer_groups([self._spec.group], request_timeout=_ANSWER_WITHIN_S).values(),
            *self._admin.describe_topics(topics, request_timeout=_ANSWER_WITHIN_S).values(),
        ]

    def _is_confirmed(self) -> bool:
        answers, self._answers = self._answers, []
        self._look_at = time.monotonic() + _LOOK_EVERY_S
        try:
            group, *topics = [answer.result() for answer in answers]
        except KafkaException as exception:  # asked again: a broker that is away comes back
            log.debug("the group's owners cannot be had", extra={"error": error_of(exception).name()})
            return False
        if group.state is not ConsumerGroupState.STABLE:
            return False
        before, self._seen = self._seen, _without_owner(topics, group.members)
        if not self._seen:
            self._is_over, self._admin = True, None
        if before.isdisjoint(self._seen):
            return False
        self._seen.clear()  # the group that follows is looked at anew
        return True


def _without_owner(topics: Sequence[Any], members: Sequence[Any]) -> set[tuple[str, int]]:
    owned = {(one.topic, one.partition) for member in members for one in member.assignment.topic_partitions}
    return {(topic.name, partition.id) for topic in topics for partition in topic.partitions} - owned
