"""`drain` and `resume`: the pipeline comes to rest for maintenance, and goes on."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from schemas.errors import UnreachableError
from schemas.topics import TRACKS_FAILED, TRACKS_FEATURES, TRACKS_LABELED, TRACKS_SUBMITTED, Topic
from shared.kafka.backlog import BacklogLimit
from shared.kafka.names import CLASSIFIER, EXTRACTOR, PROJECTOR
from shared.lifecycle import EXIT_STOPPED
from shared.redis.drain import DrainSwitch
from shared.settings.kafka import KafkaSettings
from workers.cli.console import err, json_line, out, piped
from workers.cli.settings import kafka_settings, redis_settings

_LOOK_EVERY_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """How far the pipeline is from rest."""

    partitions: int
    at_rest: int
    """Partitions of tracks.submitted whose extractor has nothing in flight."""
    unclassified: int
    """Offsets of features that are not classified."""
    unprojected: int
    """Offsets of labels and failures that are not in Redis."""
    waiting: int
    """Submissions that nobody has taken; they stay where they are."""

    @property
    def is_empty(self) -> bool:
        """Whether all that was taken has its outcome and its view."""
        return 0 < self.partitions == self.at_rest and not self.unclassified and not self.unprojected

    def __str__(self) -> str:
        return (
            f"{self.at_rest} of {self.partitions} partitions at rest, {self.unclassified} offsets to classify, "
            f"{self.unprojected} to project"
        )


def drain(
    within: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="Give up waiting then.")] = 300.0,
) -> None:
    """Have extractors take no more tracks, and wait until all that was taken has its outcome and its view.

    New submissions wait in Kafka, also of extractors that start meanwhile, until `needledrop resume`. Exit code 1 when
    it is not empty in time; extractors rest all the same.
    """
    switch = DrainSwitch(redis_settings())
    switch.turn_on(datetime.now(UTC))
    deadline = time.monotonic() + within
    with _measuring(kafka_settings(), switch) as looks, err.status("Draining") as status:
        for rest in looks:
            status.update(f"Draining: {rest}")
            if rest.is_empty or time.monotonic() > deadline:
                break
            time.sleep(_LOOK_EVERY_S)
    if piped():
        json_line(asdict(rest) | {"empty": rest.is_empty})
    elif rest.is_empty:
        out.print(f"empty; {rest.waiting} submissions wait. `needledrop resume` goes on.")
    if not rest.is_empty:
        err.print(f"[red]not empty:[/] {rest}. Do all workers run? Partitions without an extractor do not answer.")
        raise typer.Exit(EXIT_STOPPED)


def resume() -> None:
    """End a drain: extractors take tracks again."""
    was_on = DrainSwitch(redis_settings()).turn_off()
    err.print("extractors go on, within a second or two" if was_on else "nothing was drained")


@contextmanager
def _measuring(kafka: KafkaSettings, switch: DrainSwitch) -> Iterator[Iterator[Rest]]:
    with ExitStack() as parts:

        def backlog(topic: Topic, group: str) -> BacklogLimit:
            return parts.enter_context(closing(BacklogLimit(kafka, topic=topic.name, group=group, limit=0)))

        submitted, features = backlog(TRACKS_SUBMITTED, EXTRACTOR), backlog(TRACKS_FEATURES, CLASSIFIER)
        outcomes = backlog(TRACKS_LABELED, PROJECTOR), backlog(TRACKS_FAILED, PROJECTOR)

        def looks() -> Iterator[Rest]:
            while True:
                # In the order of the flow: what a stage that rests has written is there when the next one is asked.
                partitions = _seen(submitted).keys()
                at_rest = switch.at_rest(list(partitions))
                unclassified = sum(_seen(features).values())
                yield Rest(
                    partitions=len(partitions),
                    at_rest=len(at_rest),
                    unclassified=unclassified,
                    unprojected=sum(sum(_seen(one).values()) for one in outcomes),
                    waiting=sum(_seen(submitted).values()),
                )

        yield looks()


def _seen(backlog: BacklogLimit) -> dict[int, int]:
    if not backlog.look():
        raise UnreachableError("the brokers at NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS do not answer")
    return backlog.backlog()
