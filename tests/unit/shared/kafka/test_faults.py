import pytest
from confluent_kafka import KafkaError

from shared.kafka.faults import FencedError, StreamStoppedError, is_fatal, stopping


@pytest.mark.parametrize(
    ("error", "fatal"),
    [
        (KafkaError(KafkaError._FATAL), True),  # how a consumer's poll says it; its fatal() is False
        (KafkaError(KafkaError._FENCED, "fenced", True), True),
        (KafkaError(KafkaError._TRANSPORT), False),
        (KafkaError(KafkaError._MAX_POLL_EXCEEDED), False),
    ],
    ids=lambda value: str(value.code()) if isinstance(value, KafkaError) else "",
)
def test_an_error_is_fatal_however_the_client_says_it(error: KafkaError, *, fatal: bool) -> None:
    assert is_fatal(error) == fatal


@pytest.mark.parametrize(
    "error",
    [
        KafkaError(KafkaError._FENCED),
        KafkaError(KafkaError.PRODUCER_FENCED),
        KafkaError(KafkaError.INVALID_PRODUCER_EPOCH),
        KafkaError(KafkaError.FENCED_INSTANCE_ID),
        # Seen: the cause of a consumer's fatal error is in its text only.
        KafkaError(
            KafkaError._FATAL,
            "Fatal error: Broker: Static consumer fenced by other consumer with same group.instance.id",
        ),
    ],
    ids=lambda error: error.name(),
)
def test_a_worker_whose_place_was_taken_ends_as_fenced(error: KafkaError) -> None:
    assert isinstance(stopping(error), FencedError)


def test_a_worker_that_cannot_go_on_for_another_reason_says_it() -> None:
    stopped = stopping(KafkaError(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED))

    assert type(stopped) is StreamStoppedError
    assert "TRANSACTIONAL_ID_AUTHORIZATION_FAILED" in str(stopped)
