"""The labels of metrics. Each has a closed set of values: nothing that a track, a person or a message names is one.

A label without a bound makes a series for each of its values, in every worker and for weeks in Prometheus.
"""

from collections.abc import Collection
from typing import Final, Literal

from schemas.errors import FailureReason
from schemas.topics import TOPICS

Outcome = Literal["labeled", "failed", "deleted"]
SubmissionKind = Literal["new", "replay", "relabel"]

OTHER: Final = "other"
"""What stands for every value outside its set."""

REASONS: Final = tuple(reason.value for reason in FailureReason)
TOPIC_NAMES: Final = tuple(topic.name for topic in TOPICS)

MEANINGS: Final = {
    "change": "what a record did to the catalogue; closed in the code",
    "cause": "why something was replaced or ended; closed in the code",
    "digest": "of the ensemble's manifest; one value a process",
    "features": "version of the audio features; one value a process",
    "genre": "of the taxonomy that the ensemble can hear; `none` for a label without genres, `other` for any else",
    "graph": "file of a network in the ensemble's manifest",
    "mood": "of the taxonomy; `other` for any else",
    "outcome": "how something ended; closed in the code",
    "partition": "number of a partition",
    "python": "version; one value a process",
    "reason": "why a track failed, of the closed list in schemas/errors.py; empty where there is none",
    "route": "template of the API's path, like /v1/tracks/{id}; `other` for any else",
    "scheme": "of a URI: file, http, https, s3; `other` for any else",
    "source": "where a result came from; closed in the code",
    "stage": "the worker's",
    "status": "of HTTP",
    "submission": "new, or a replay or relabel of an earlier one",
    "topic": "a topic that the worker reads or writes; `other` for any else",
    "unsure": "yes",
    "version": "one value a process",
    "window": "minute, hour",
}
"""What each label's values are, for docs/metrics.md."""


def bounded(value: str, known: Collection[str]) -> str:
    """``value`` if it is known, else `other`."""
    return value if value in known else OTHER


class FirstOnes:
    """Lets the first ``limit`` different values through, `other` for the rest: for sets that another library closes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        """``value``, or `other`."""
        if len(self._known) < self._limit:
            self._known.add(value)
        return bounded(value, self._known)
