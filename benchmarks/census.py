"""What the processes of a running stack use: processor seconds and resident memory, by kind of process."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import psutil

from workers.cli.stack import WORKERS

# What a command line shows, and what we call such a process. The zygote only forks; decoders look like it.
_KINDS: Final = {
    **{f"worker {worker}": worker for worker in WORKERS},
    "zygote": "decoder",
    "kafka.Kafka": "kafka",
    "redis-server": "redis",
    "valkey-server": "redis",
}


def processor_s() -> dict[str, float]:
    """Processor seconds that this process' descendants have used since they began, by kind."""
    seconds: dict[str, float] = defaultdict(float)
    for kind, process in _descendants():
        times = process.cpu_times()
        seconds[kind] += times.user + times.system
    return dict(seconds)


def resident_mb() -> dict[str, float]:
    """Resident memory of the largest process of each kind."""
    largest: dict[str, float] = defaultdict(float)
    for kind, process in _descendants():
        largest[kind] = max(largest[kind], process.memory_info().rss / 1e6)
    return dict(largest)


def _descendants() -> Iterator[tuple[str, psutil.Process]]:
    for process in psutil.Process().children(recursive=True):
        try:
            command = " ".join(process.cmdline())
            kind = next((kind for sign, kind in _KINDS.items() if sign in command), None)
            if kind:
                yield kind, process
        except psutil.NoSuchProcess:  # it has just ended
            continue
