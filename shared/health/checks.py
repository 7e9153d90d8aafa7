"""What makes a stream's process live, and ready."""

import math
import time
from collections.abc import Callable
from typing import Protocol


class Observed(Protocol):
    """What a stream shows of itself to other threads."""

    @property
    def joined(self) -> bool:
        """Whether its group has it as a member."""
        ...

    @property
    def lag(self) -> int:
        """Offsets behind the end of its partitions."""
        ...

    @property
    def last_progress(self) -> float:
        """When something was committed, or there was nothing to do (time.monotonic)."""
        ...


class StreamChecks:
    """Liveness finds the consumer that is alive but stuck; readiness waits for the group and for what work needs."""

    def __init__(
        self,
        stream: Observed,
        *,
        stuck_after_s: float,
        ready: Callable[[], str | None] | None = None,
        waits: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look at ``stream``, and at what its work depends on.

        Args:
            stream: what is watched.
            stuck_after_s: silence that is too long.
            ready: says what else is missing before work can be done, None when nothing is.
            waits: whether work waits for others, for whom a new process would wait just as long.
            clock: in seconds.
        """
        self._stream = stream
        self._waits = waits
        self._waited_at = -math.inf
        self._stuck_after_s = stuck_after_s
        self._ready = ready
        self._clock = clock

    def live(self) -> str | None:
        """None, or why this process should be replaced."""
        # A loop that turns notes every second that there is no lag: silence alone says that something hangs. (The lag
        # may be of before that: a call into the Kafka client that never returns leaves it at 0.)
        if self._waits():
            self._waited_at = self._clock()
        silent_s = self._clock() - max(self._stream.last_progress, self._waited_at)
        if silent_s > self._stuck_after_s:
            return f"stuck: {self._stream.lag} offsets behind and nothing committed for {silent_s:.0f} s"
        return None

    def ready(self) -> str | None:
        """None, or what is missing. A spare member without partitions is ready."""
        if not self._stream.joined:
            return "not yet a member of its consumer group"
        return self._ready() if self._ready else None
