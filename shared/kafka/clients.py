"""Configuration of librdkafka's clients, in one place, each value with its reason."""

import logging
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer

from schemas.errors import InvalidSettingError
from shared.kafka.faults import error_of
from shared.kafka.partitioner import PARTITIONER
from shared.settings.kafka import KafkaSettings

log = logging.getLogger("needledrop.kafka")

# The largest value we write is a features event of some 360 kB; a front end of our users' may need more.
MAX_MESSAGE_BYTES = 8 * 1024 * 1024

# The brokers hold a batch, not a record, against a topic's max.message.bytes, and the default of 1 MB is above what
# those of submissions and failures take (256 kB). A record alone may be larger.
_BATCH_BYTES = 128 * 1024

# How long the brokers keep a fetch for which there is nothing; a record that comes ends it at once. An empty one costs
# them a millisecond, half of it when its time is over. Not longer, since partitions that are resumed, or new, wait for
# the end of the fetch that is out.
_FETCH_WAIT_MS = 500

# What a fetch brings of all partitions together, or one batch that is larger. The client keeps an answer until its last
# record is read: with only 8 MB a partition they were of 32 MB, and came late, once all partitions had a backlog.
_ANSWER_BYTES = 4 * 1024 * 1024

_ANSWER_WITHIN_S = 10.0  # a broker that is up answers in milliseconds, one that starts within some seconds


class LogBridge(logging.Handler):
    """librdkafka's log lines, one in a while: a broker that is away is worth one line a minute, not one every 50 ms."""

    _PATIENCE_S = 60.0

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Pass ``record`` on unless one of its kind passed less than a minute ago."""
        kind = record.getMessage().split("[", 1)[0].split("|", 1)[0].strip()[:32]
        if record.created - self._last.get(kind, 0.0) >= self._PATIENCE_S:
            self._last[kind] = record.created
            log.log(min(record.levelno, logging.WARNING), "%s", record.getMessage())


def _librdkafka_log() -> logging.Logger:
    logger = logging.getLogger("needledrop.librdkafka")
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(LogBridge())
    return logger


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """What every client needs to reach the brokers."""
    config: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap_servers,
        "security.protocol": settings.security_protocol,
        # Back within a second of the broker's return, without hammering it meanwhile.
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1000,
        "logger": _librdkafka_log(),
        "log.connection.close": False,
    }
    optional = {
        "sasl.mechanism": settings.sasl_mechanism,
        "sasl.username": settings.sasl_username,
        "sasl.password": settings.sasl_password.get_secret_value(),
        "ssl.ca.location": settings.ssl_ca_location,
        "ssl.certificate.location": settings.ssl_certificate_location,
        "ssl.key.location": settings.ssl_key_location,
        "ssl.key.password": settings.ssl_key_password.get_secret_value(),
    }
    return config | {name: value for name, value in optional.items() if value}


def group_consumer(settings: KafkaSettings, group: str) -> Consumer:
    """The consumer of a stream: commits by hand, reads committed records only, never skips silently."""
    config = connection(settings) | {
        "group.id": group,
        "group.protocol": settings.group_protocol,
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        # A committed offset that the broker no longer has is lost work: an error, not a jump to either end.
        "auto.offset.reset": "error",
        "max.poll.interval.ms": 120_000,
        "fetch.wait.max.ms": _FETCH_WAIT_MS,
        # The default of 1 s is how long fetching rests once the local queue is full.
        "fetch.queue.backoff.ms": 20,
        # Keeps a process that reads features at some 60 MB instead of hundreds.
        "queued.max.messages.kbytes": 16_384,
        "fetch.message.max.bytes": MAX_MESSAGE_BYTES,
        "fetch.max.bytes": _ANSWER_BYTES,
        "enable.partition.eof": False,
    }
    if settings.group_protocol == "classic":
        config["partition.assignment.strategy"] = "cooperative-sticky"
        config["session.timeout.ms"] = int(settings.session_timeout_s * 1000)
        config["heartbeat.interval.ms"] = int(settings.session_timeout_s * 1000 / 3)
        # Not with KIP-848: there the broker refuses the successor of a killed member (UNRELEASED_INSTANCE_ID) until the
        # session of the dead one is over.
        if settings.slot:
            config["group.instance.id"] = f"{group}-{settings.slot}"
    return Consumer(config)


def transactional_producer(settings: KafkaSettings, transactional_id: str) -> Producer:
    """The producer of a stream."""
    return Producer(
        connection(settings)
        | {
            "transactional.id": transactional_id,
            "transaction.timeout.ms": int(settings.transaction_timeout_s * 1000),
            "partitioner": PARTITIONER,
            # A transaction right behind another meets CONCURRENT_TRANSACTIONS, which is retried inside after this long.
            "retry.backoff.ms": 5,
            # send_offsets_to_transaction ignores its timeout and hangs for ever when the group's coordinator was away,
            # until any connection changes its state (librdkafka#5456): this closes one, and it goes on 0.5 s later.
            "connections.max.idle.ms": 3000,
            "message.max.bytes": MAX_MESSAGE_BYTES,
            "batch.size": _BATCH_BYTES,
            # Mel power does not compress (lz4 3 %, zstd 11 %), labels are small.
            "linger.ms": 0,
        }
    )


def plain_producer(settings: KafkaSettings) -> Producer:
    """An idempotent producer outside transactions, for submitting."""
    return Producer(
        connection(settings)
        | {
            "enable.idempotence": True,
            "partitioner": PARTITIONER,
            "linger.ms": 5,
            "compression.type": "lz4",
            "batch.size": _BATCH_BYTES,
        }
    )


def require_answer(client: Producer | Consumer) -> None:
    """Ask the brokers anything. Raises: InvalidSettingError when they do not answer."""
    try:
        client.list_topics(timeout=_ANSWER_WITHIN_S)
    except KafkaException as exception:
        raise InvalidSettingError(
            f"no Kafka answers at NEEDLEDROP_KAFKA_BOOTSTRAP_SERVERS ({error_of(exception).name()}): is it up? "
            "`needledrop up` starts one on this machine"
        ) from None


def reader(
    settings: KafkaSettings,
    group: str,
    *,
    isolation: str = "read_committed",
    says_ends: bool = False,
    fetch_wait_ms: int = _FETCH_WAIT_MS,
) -> Consumer:
    """A consumer that joins no group: for reading topics by hand, and another group's committed offsets."""
    return Consumer(
        connection(settings)
        | {
            "group.id": group,
            "enable.auto.commit": False,
            "isolation.level": isolation,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": fetch_wait_ms,
            "fetch.message.max.bytes": MAX_MESSAGE_BYTES,
            "fetch.max.bytes": _ANSWER_BYTES,
            "queued.max.messages.kbytes": 16_384,
            "enable.partition.eof": says_ends,
        }
    )
