"""Accidents in an order and at moments that a seed decides."""

import random
import time
from collections.abc import Callable, Sequence

Act = Callable[[random.Random], str]
"""Does something to a fleet or a service, and says what."""


class Chaos:
    """Accidents in an order and at moments that a seed decides.

    Args:
        acts: what befalls the fleet, and how often; an act says whom it has hit.
    """

    def __init__(self, seed: int, acts: Sequence[tuple[Act, int]], *, pauses_s: tuple[float, float]) -> None:
        self.log = [f"seed {seed}"]
        self._chance = random.Random(seed)
        self._acts = [act for act, n in acts for _ in range(n)]
        self._pauses_s = pauses_s
        self._chance.shuffle(self._acts)

    def __len__(self) -> int:
        return len(self._acts)

    def run(
        self, after_each: Callable[[], None] = lambda: None, *, say: Callable[[str], None] = lambda _line: None
    ) -> None:
        """Act after act, each said; ``after_each`` puts right what must be put right from outside (a supervisor)."""
        began = time.monotonic()
        for act in self._acts:
            time.sleep(self._chance.uniform(*self._pauses_s))
            at_s = time.monotonic() - began
            self.log.append(f"{at_s:6.2f} s {act(self._chance)}")
            say(self.log[-1])
            after_each()

    def __str__(self) -> str:
        return "\n".join(self.log)
