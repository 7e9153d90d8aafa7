"""What extractor and classifier do, in one process without Kafka and Redis (`needledrop label`), seen from outside."""

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ctypes import c_int
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import psutil

from benchmarks.census import descendants
from schemas.errors import TrackError
from workers.cli.in_process import labels_of
from workers.cli.tracks import tracks_of

_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Alone:
    """A process that labels tracks on all cores."""

    _process: BaseProcess
    _n_labeled: c_int

    def n_labeled(self) -> int:
        """How many tracks have their labels. Raises: SystemExit when the process has ended before all had."""
        if self._process.exitcode:
            raise SystemExit("the process without Kafka ended too early; it said why above")
        return self._n_labeled.value

    def processes(self) -> list[psutil.Process]:
        """The process, and those that decode for it."""
        return descendants([psutil.Process(self._process.pid)])


@contextmanager
def labeling_alone(tracks: Sequence[Path], *, features: bool) -> Iterator[Alone]:
    """Label ``tracks`` while the block runs."""
    context = multiprocessing.get_context("spawn")
    n_labeled = context.RawValue(c_int, 0)  # without a lock: who stands still with a lock would stop us, too
    stop = context.Event()
    names = [str(track) for track in tracks]
    process = context.Process(target=_label, args=(names, n_labeled, stop), kwargs={"features": features})
    process.start()
    try:
        yield Alone(process, n_labeled)
    finally:
        stop.set()
        process.join(_PATIENCE_S)
        process.kill()


def _label(names: list[str], n_labeled: c_int, stop: Event, *, features: bool) -> None:
    roots = sorted({Path(name).parent for name in names})
    with labels_of(tracks_of(names), roots, None, features=features) as labels:
        for outcome in labels.outcomes:
            if isinstance(outcome.labeled, TrackError):
                raise SystemExit(f"{outcome.track.track_id}: {outcome.labeled}")
            n_labeled.value += 1
            if stop.is_set():
                return
