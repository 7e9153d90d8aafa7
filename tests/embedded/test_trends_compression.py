"""Whoever writes a topic chooses how its batches are compressed, and a topic's owner may: trends must read them all."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
from aiokafka import AIOKafkaConsumer
from confluent_kafka import Producer


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_the_client_of_trends_reads_every_compression(
    compression: str, mock_bootstrap: Callable[[Mapping[str, int]], str]
) -> None:
    bootstrap = mock_bootstrap({"topic": 1})
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": compression})
    for _ in range(20):
        producer.produce("topic", b"as long as it pays to compress it " * 20)
    assert producer.flush(20) == 0

    async def first() -> bytes | None:
        consumer = AIOKafkaConsumer(
            "topic", bootstrap_servers=bootstrap, auto_offset_reset="earliest", check_crcs=False
        )
        await consumer.start()
        try:
            record = await asyncio.wait_for(consumer.getone(), 20)
        finally:
            await consumer.stop()
        value: bytes | None = record.value
        return value

    assert asyncio.run(first()) == b"as long as it pays to compress it " * 20
