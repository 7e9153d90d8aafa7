"""Where partitions begin and end, asked for all of them at once."""

from collections.abc import Sequence

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, TopicPartition


def watermarks(consumer: Consumer, partitions: Sequence[TopicPartition], *, timeout_s: float) -> list[tuple[int, int]]:
    """For each partition the first offset that is kept and the one behind the last that ``consumer`` may read.

    The client's own call for watermarks asks for one partition, with two requests; here two are for all.

    Raises: KafkaException, also when only one partition cannot be asked.
    """
    if not partitions:  # the client refuses to be asked about none
        return []
    firsts, ends = (_looked_up(consumer, partitions, place, timeout_s) for place in (OFFSET_BEGINNING, OFFSET_END))
    return list(zip(firsts, ends, strict=True))


def _looked_up(consumer: Consumer, partitions: Sequence[TopicPartition], place: int, timeout_s: float) -> list[int]:
    # The protocol's special times, "earliest" and "latest", are the client's special offsets.
    asked = [TopicPartition(one.topic, one.partition, place) for one in partitions]
    found = {(one.topic, one.partition): one for one in consumer.offsets_for_times(asked, timeout=timeout_s)}
    answers = [found[one.topic, one.partition] for one in asked]
    if refused := next((one.error for one in answers if one.error is not None), None):
        raise KafkaException(refused)
    return [int(one.offset) for one in answers]
