"""Whether a conditional submission still holds: it is about the track's newest unconditional one, or it is superseded.

See docs/adr/0010-conditional-submissions.md.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

from schemas.errors import InvalidSettingError, SupersededError, TransientError
from schemas.events import TrackSubmitted
from shared.kafka.faults import AbandonedError
from shared.kafka.records import Record
from shared.redis.newest import NewestSubmissions, Note, Stretch
from workers.extractor.submissions import note_of, stretches

log = logging.getLogger("needledrop.extractor")

History = Callable[[int, int, int], Iterable[Record]]
"""Reads a partition of the submissions topic again, from an offset to before another; raises UnreachableError."""

# After a failed call Redis is left alone for so long: batches come faster than it answers when it is away.
_REST_S: Final = 2.0
_TRY_AGAIN_S: Final = 0.5
# Records of history that are noted in one round trip.
_AT_ONCE: Final = 500


class Conditions:
    """Notes submissions as they are taken, on a thread of its own, and judges conditional ones by the notes.

    What could not be noted (Redis was away, or another worker died before it had) leaves a gap behind the offset up to
    which Redis has all notes of a partition. The gap is read from Kafka again before anything is judged.
    """

    def __init__(self, newest: NewestSubmissions, history: History, stop: threading.Event) -> None:
        """``stop`` ends the waiting for Redis."""
        self._newest = newest
        self._history = history
        self._stop = stop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="note")
        self._last_noting: Future[None] = Future()
        self._last_noting.set_result(None)
        self._filling = threading.Lock()
        self._resting_until = 0.0
        self._waited_at = -math.inf

    @property
    def waits(self) -> bool:
        """Whether a conditional submission waits for Redis or Kafka, and its partition with it."""
        return time.monotonic() - self._waited_at < 2 * _TRY_AGAIN_S

    def taken(self, records: Sequence[Record]) -> None:
        """Have records noted that were taken together, in order, before work on them begins. Returns at once."""
        self._last_noting = self._thread.submit(self._note, records)

    def require_newest(self, record: Record, event: TrackSubmitted) -> None:
        """Make sure that a conditional ``event`` is about its track's newest submission; waits while Redis is away.

        Raises: SupersededError when it is not; AbandonedError when asked to stop before that is known.
        """
        known = self._standing(record)
        about = event.replay_of or event.relabel_of
        if known is None:
            raise SupersededError(f"nothing is known of submission {about}: it is too old, or the track was deleted")
        if not known.submission_id:
            raise SupersededError(f"the track was deleted after submission {about}")
        if known.submission_id != about:
            raise SupersededError(f"submission {known.submission_id} of this track is newer than {about}")

    def close(self) -> None:
        """Stop noting. What is not noted yet leaves a gap, which the next worker fills."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _standing(self, record: Record) -> Note | None:
        """The newest submission of the record's track, from notes that are complete up to the record."""
        noting = self._last_noting
        while True:
            if self._stop.is_set():
                raise AbandonedError("stopped while a conditional submission waited for Redis")
            if not wait([noting], timeout=_TRY_AGAIN_S).done:
                continue
            try:
                standing = self._newest.standing(record.partition, record.key_text)
                if standing.complete_to >= record.offset:
                    return standing.newest
                self._complete(record.partition, record.offset)
            except (TransientError, InvalidSettingError) as error:
                self._waited_at = time.monotonic()
                log.warning("a conditional submission waits: %s", error, extra={"coordinates": str(record.coordinates)})
                self._stop.wait(_TRY_AGAIN_S)

    def _note(self, records: Sequence[Record]) -> None:
        if time.monotonic() < self._resting_until:
            return
        try:
            for stretch in self._newest.write(list(stretches(records))):
                self._complete(stretch.partition, stretch.end)
        except AbandonedError:
            pass  # the next worker will find the gap
        except (TransientError, InvalidSettingError) as error:
            self._resting_until = time.monotonic() + _REST_S
            log.warning("submissions are noted later: %s", error)
        except Exception:
            log.exception("a bug")

    def _complete(self, partition: int, end: int) -> None:
        """Note what Kafka has between what is complete and ``end``.

        Raises: CacheUnavailableError, UnreachableError, AbandonedError; what was noted until then stays.
        """
        with self._filling:
            start = self._newest.complete_to(partition)  # another thread may have done it meanwhile
            some: list[Record] = []
            for record in self._history(partition, start, end):
                some.append(record)
                if len(some) == _AT_ONCE:
                    start = self._join_on(partition, start, record.offset + 1, some)
                    some = []
            if start < end:
                self._join_on(partition, start, end, some)

    def _join_on(self, partition: int, start: int, end: int, records: Sequence[Record]) -> int:
        notes = tuple(note for record in records if (note := note_of(record)))
        self._newest.write([Stretch(partition, start, end, notes)])
        return end
