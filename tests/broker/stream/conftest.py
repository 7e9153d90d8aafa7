"""Streams in threads of the test's own process."""

import threading
from collections.abc import Callable, Iterator

import pytest

from shared.kafka.stream import Stream


class RunningStream:
    """A stream in a thread."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.stream.run(self._stop)
        except BaseException as error:  # noqa: BLE001 - kept for the test to look at
            self.error = error

    def stop(self) -> None:
        """Ask it to stop and wait until it has."""
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture
def running() -> Iterator[Callable[[Stream], RunningStream]]:
    """Runs streams in threads; all are stopped at the end."""
    started: list[RunningStream] = []

    def run(stream: Stream) -> RunningStream:
        started.append(RunningStream(stream))
        return started[-1]

    yield run
    for one in started:
        one.stop()
