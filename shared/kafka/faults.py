"""What went wrong with Kafka, and what follows from it."""

import logging
from typing import ClassVar

from confluent_kafka import KafkaError, KafkaException

from schemas.errors import InvalidSettingError, NeedledropError

log = logging.getLogger("needledrop.kafka")


class StreamStoppedError(NeedledropError):
    """The stream cannot go on in this process; the message says why and what to do."""

    cause: ClassVar[str] = "other"
    """For metrics."""


class AbandonedError(NeedledropError):
    """Raised by work that gives up because its worker stops: the record is left, uncommitted, to the next one."""


class FencedError(StreamStoppedError):
    """Another process has taken this one's place: it must end, and nothing that it does counts any more."""

    cause = "fenced"


class OutputRefusedError(InvalidSettingError):
    """The brokers take neither what became of a record nor a small failure in its place: somebody must act."""


class WorkLostError(StreamStoppedError):
    """The broker no longer has records that were not processed. Never skipped silently."""

    cause = "work_lost"


def error_of(exception: KafkaException) -> KafkaError:
    """The KafkaError inside an exception of the client."""
    error: KafkaError = exception.args[0]
    return error


def is_fatal(error: KafkaError) -> bool:
    """Whether the client that reports ``error`` will never work again.

    A producer's errors say so themselves; a consumer that is polled gives a code for it (and ``fatal()`` is False).
    """
    return error.fatal() or error.code() == KafkaError._FATAL  # noqa: SLF001 - a public constant


def is_fenced(error: KafkaError) -> bool:
    """Whether another producer or group member holds our identity now."""
    fenced = (
        KafkaError._FENCED,  # noqa: SLF001 - the client's public constants of local errors begin with an underscore
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
    )
    # The cause of a consumer's fatal error is in its text only.
    return error.code() in fenced or (is_fatal(error) and "fenced" in error.str())


def stopping(error: KafkaError) -> StreamStoppedError:
    """The error to end with after one that the client calls fatal."""
    if is_fenced(error):
        return FencedError(f"another worker has taken this one's slot ({error.name()}): this one ends")
    return StreamStoppedError(f"the Kafka client cannot go on: {error.name()}: {error.str()}")


def noted(error: KafkaError, group: str) -> None:
    """Log what a consumer of ``group`` was given in place of a record.

    Raises: WorkLostError, StreamStoppedError when this process cannot go on.
    """
    if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - a public constant
        raise WorkLostError(
            f"{group}: the broker no longer has the next record to read ({error.str()}). Retention "
            "has removed records that were never processed. Look at the topic's retention, then set the group's "
            "offsets on purpose (kafka-consumer-groups --reset-offsets) and start again."
        )
    if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        log.warning("a topic is missing: run `needledrop topics create`", extra={"error": error.str()})
    elif is_fatal(error):
        raise stopping(error)
    else:
        log.warning("kafka", extra={"error": error.name(), "detail": error.str()})
