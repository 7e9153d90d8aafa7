"""What fusion answers about one track, and what it may be told besides the models' probabilities."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.taxonomy import TagKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is known about the audio besides the models' probabilities. None: not known, so not held against it."""

    seconds: float | None = None  # of audio that the patches were cut from, before any repetition
    loudness_db: float | None = None
    speechiness: float | None = None
    variation_db: float | None = None  # as in workers.classifier.sound


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A name with its probability, or, among reasons, with its nats of evidence."""

    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The top genres of one stretch of the track, ``start`` to ``end`` in fractions of the patches' sequence."""

    start: float
    end: float
    genres: tuple[Scored, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    """What an ensemble has to say about one track.

    Attributes:
        genres: every genre the ensemble can hear, most probable first; the probabilities sum to one.
        unsure: do not act on the first genre; ``unsure_because`` says why.
        disagreement: 0 when members say the same of the genres they have words for, 1 when they have nothing in common.
        tags: by kind, most probable first; the mean over members that know the tag, of any spelling of it.
        accepted: the tags above their decision threshold, where the ensemble has thresholds.
        segments: the taggram, in order of time.
        changes: parts of the track are clearly of different genres (workers.classifier.changes).
        why: the tags that spoke most for the first genre, in nats.
    """

    genres: tuple[Scored, ...]
    unsure: bool
    unsure_because: tuple[str, ...]
    disagreement: float
    tags: Mapping[TagKind, tuple[Scored, ...]]
    accepted: tuple[str, ...]
    segments: tuple[Segment, ...]
    changes: bool
    why: tuple[Scored, ...]
