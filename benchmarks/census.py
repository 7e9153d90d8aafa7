"""What the processes of a running stack use: processor seconds and resident memory, by kind of process."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

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


def processor_s(processes: Sequence[psutil.Process] | None = None) -> dict[str, float]:
    """Processor seconds that ``processes`` (None: this process' descendants) have used since they began, by kind."""
    seconds: dict[str, float] = defaultdict(float)
    for kind, process in _by_kind(descendants() if processes is None else processes):
        times = process.cpu_times()
        seconds[kind] += times.user + times.system
    return dict(seconds)


def resident_mb() -> dict[str, float]:
    """Resident memory of the largest process of each kind."""
    largest: dict[str, float] = defaultdict(float)
    for kind, process in _by_kind(descendants()):
        largest[kind] = max(largest[kind], process.memory_info().rss / 1e6)
    return dict(largest)


def rates(n: int, seconds: float, before: dict[str, float], after: dict[str, float]) -> dict[str, Any]:
    """What ``n`` tracks took: tracks a second, and processor milliseconds a track from two looks at `processor_s`."""
    used = {kind: 1e3 * (after[kind] - before.get(kind, 0.0)) / n for kind in sorted(after)}
    return {"n_tracks": n, "tracks_per_s": n / seconds, "processor_ms": sum(used.values()), "by_process": used}


def descendants(roots: Sequence[psutil.Process] = ()) -> list[psutil.Process]:
    """``roots`` and all processes that descend from them; without roots all that descend from this process."""
    found = list(roots)
    for process in roots or [psutil.Process()]:
        with suppress(psutil.NoSuchProcess):  # it has just ended
            found += process.children(recursive=True)
    return found


def _by_kind(processes: Sequence[psutil.Process]) -> Iterator[tuple[str, psutil.Process]]:
    for process in processes:
        try:
            command = " ".join(process.cmdline())
            kind = next((kind for sign, kind in _KINDS.items() if sign in command), None)
            if kind:
                yield kind, process
        except psutil.NoSuchProcess:  # it has just ended
            continue
