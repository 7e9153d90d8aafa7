"""The one policy for trying again."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from schemas.errors import PermanentError, TransientError

Value = TypeVar("Value")

# A record that is tried again holds back what is behind it in its partition, so the time for it is capped.
RETRY_BUDGET_S = 30.0
_FIRST_DELAY_S = 0.5
_LONGEST_DELAY_S = 8.0


@dataclass(frozen=True, slots=True)
class Tried(Generic[Value]):
    """How it ended, and after how many attempts; both endings have them, since failure events report them."""

    ending: Value | PermanentError | TransientError
    attempts: int

    def value(self) -> Value:
        """What the action returned. Raises: what it raised last."""
        if isinstance(self.ending, PermanentError | TransientError):
            raise self.ending
        return self.ending


def with_retries(
    action: Callable[[], Value],
    *,
    budget_s: float = RETRY_BUDGET_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
    jitter: Callable[[], float] = random.random,
) -> Tried[Value]:
    """Try until it works, fails for good, or no further attempt would begin within the budget.

    Delays double from half a second to 8 s, each shortened by up to half at random, so that many workers do not come
    back at once.

    Args:
        action: raises a TransientError when another try is worth it; any PermanentError ends it at once.
        budget_s: from the first attempt's begin to the last one's.
        clock: seconds.
        sleep: waits so many seconds; when it returns something true, the wait was cut short and no attempt follows.
        jitter: uniform in [0, 1).
    """
    began_s = clock()
    attempts = 0
    while True:
        attempts += 1
        try:
            return Tried(action(), attempts)
        except PermanentError as error:
            return Tried(error, attempts)
        except TransientError as error:
            delay_s = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** (attempts - 1)) * (1 - jitter() / 2)
            if clock() - began_s + delay_s > budget_s or sleep(delay_s):
                return Tried(error, attempts)
