"""What Redis's keys take, each with its value: its own sum of used memory has its clients' buffers in it, too."""

from shared.redis.connection import Redis


def bytes_by_key(redis: Redis) -> dict[bytes, int]:
    """Bytes of memory of each key that is there."""
    keys = list(set(redis.scan_iter(count=1000)))
    with redis.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.memory_usage(key, samples=0)
        return dict(zip(keys, (n_bytes or 0 for n_bytes in pipeline.execute()), strict=True))
