"""Looks at the drain switch, and answers it."""

import logging
import threading
from collections.abc import Callable, Collection

from schemas.errors import CacheUnavailableError, InvalidSettingError
from shared.redis.drain import LOOK_EVERY_S, DrainSwitch

log = logging.getLogger("needledrop.extractor")


class Draining:
    """Whether the switch is on, as last seen: while Redis is away, nothing changes."""

    def __init__(self, switch: DrainSwitch, *, tell: Callable[[bool], object], stop: threading.Event) -> None:
        """Look once. ``tell`` hears what was seen, at each look."""
        self._switch = switch
        self._tell = tell
        self._stop = stop
        self.is_on = False
        self._look()

    def watch(self, at_rest: Callable[[], Collection[int]]) -> None:
        """Go on looking until the stop, in a thread. ``at_rest`` names partitions of which nothing is in flight."""

        def watch() -> None:
            while not self._stop.wait(LOOK_EVERY_S):
                self._look()
                if self.is_on:
                    self._answer(at_rest())

        threading.Thread(target=watch, name="draining", daemon=True).start()

    def _look(self) -> None:
        try:
            found = self._switch.is_on()
        except (CacheUnavailableError, InvalidSettingError):
            return
        if found != self.is_on:
            log.info("draining: no submission is taken" if found else "drained no more: submissions are taken")
        self.is_on = found
        self._tell(found)

    def _answer(self, partitions: Collection[int]) -> None:
        try:
            self._switch.say_at_rest(partitions)
        except (CacheUnavailableError, InvalidSettingError):
            return
