"""Which partition a key goes to: murmur2, as in the Java client, kafkajs, aiokafka, librdkafka's ``murmur2_random``.

The producer does this itself; we need the answer beforehand, to know whose backlog a record would add to.
Source: org.apache.kafka.common.utils.Utils.murmur2 and toPositive.
"""

from typing import Final

PARTITIONER: Final = "murmur2_random"

_M: Final = 0x5BD1E995
_SEED: Final = 0x9747B28C
_MASK: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32 bit hash, unsigned."""
    state = _SEED ^ len(data)
    whole = len(data) & ~3
    for index in range(0, whole, 4):
        k = int.from_bytes(data[index : index + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        state = state * _M & _MASK ^ k
    if len(data) > whole:
        state = (state ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    state = (state ^ state >> 13) * _M & _MASK
    return state ^ state >> 15


def partition_of(key: bytes, n_partitions: int) -> int:
    """The partition of ``key`` in a topic of ``n_partitions``."""
    return (murmur2(key) & 0x7FFFFFFF) % n_partitions
