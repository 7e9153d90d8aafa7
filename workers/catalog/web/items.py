"""Tracks as answers show them."""

import math
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from schemas.events import TrackFailed, TrackLabeled
from workers.catalog.rows import FEATURES, NUMBERS, TAG_KINDS, Row, Vocabulary, is_likely

_SHOWN_KINDS = frozenset(TAG_KINDS) - {"genre"}
# Items that are kept: 200 of them take longer to make than all else in an answer, and most people look at the same
# first pages. One is some 3 kB.
_MADE: Final = 4096
_INTEGERS = frozenset({"key", "mode", "time_signature", "duration_ms", "year"})


class Answer(BaseModel):
    """What answers have in common."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Features(Answer):
    """Audio features, as docs/features.md has them; null where unknown."""

    danceability: float | None = None
    energy: float | None = None
    key: int | None = None
    loudness: float | None = None
    mode: int | None = None
    speechiness: float | None = None
    acousticness: float | None = None
    instrumentalness: float | None = None
    liveness: float | None = None
    valence: float | None = None
    tempo: float | None = None
    time_signature: int | None = None
    duration_ms: int | None = None


class Item(Answer):
    """A labeled track."""

    id: str
    """The track, in the ingest system's own terms."""
    title: str
    artist: str
    album: str
    year: int | None
    isrc: str
    spotify_id: str
    genre: str | None
    """The most likely one."""
    confidence: Annotated[float, Field(ge=0, le=1)]
    """How likely it is."""
    unsure: bool
    """Nothing is likely enough to act on."""
    tags: list[str]
    """Moods, instruments, voices and eras that are likely, the likeliest first."""
    features: Features
    labeled_at: datetime


class Recommendation(Item):
    """A track, and why."""

    similarity: Annotated[float, Field(ge=0, le=1)]
    """1 for the same."""
    reasons: list[str]
    """In words, the strongest first."""


class Recommendations(Answer):
    """Tracks, the best first, varied."""

    items: list[Recommendation]


class FacetsAnswer(Answer):
    """How many of the selected tracks are of each kind."""

    genres: dict[str, int]
    """By most likely genre."""
    tags: dict[str, dict[str, int]]
    """By kind."""
    histograms: dict[str, "Histogram"]
    """By feature."""


class Histogram(Answer):
    """Counts of equally wide bins; what lies outside counts in the first or last."""

    low: float
    """Lower edge of the first."""
    high: float
    """Upper edge of the last."""
    counts: list[int]


class Page(Answer):
    """A page of a selection."""

    total: int
    """Tracks in the whole selection."""
    items: list[Item]
    next: str | None
    """`cursor` of the next page; null on the last."""
    facets: FacetsAnswer | None = None


class TrackAnswer(Answer):
    """All that is known about a track."""

    id: str
    status: str
    """`labeled`, or `failed`: its only outcome so far."""
    label: TrackLabeled | None = None
    """The event, as in the topic."""
    failure: TrackFailed | None = None
    """Why its newest submission failed; beside a label when an earlier one did not."""


@lru_cache(maxsize=_MADE)
def item_of(row: Row, vocabulary: Vocabulary) -> Item:
    """A row as an answer shows it; not to be changed, since the next answer shows it, too."""
    return Item.model_construct(**_fields(row, vocabulary))


def recommendation_of(row: Row, vocabulary: Vocabulary, similarity: float, reasons: list[str]) -> Recommendation:
    """A row, and why."""
    fields = item_of(row, vocabulary).__dict__
    return Recommendation.model_construct(**fields, similarity=round(similarity, 4), reasons=reasons)


def _fields(row: Row, vocabulary: Vocabulary) -> dict[str, Any]:
    numbers = dict(zip(NUMBERS, row.numbers.tolist(), strict=True))
    genre, tags = _words(row, vocabulary)
    return {
        "id": row.track_id,
        "title": row.title,
        "artist": row.artist,
        "album": row.album,
        "year": _known("year", numbers["year"]),
        "isrc": row.isrc,
        "spotify_id": row.spotify_id,
        "genre": genre,
        "confidence": numbers["confidence"],
        "unsure": numbers["unsure"] == 1,
        "tags": tags,
        "features": Features.model_construct(None, **{name: _known(name, numbers[name]) for name in FEATURES}),
        "labeled_at": datetime.fromtimestamp(numbers["labeled_at"], UTC),
    }


def _words(row: Row, vocabulary: Vocabulary) -> tuple[str | None, list[str]]:
    parts = vocabulary.parts
    # Labels list their genres first, the best before others.
    kind, first = parts[row.word_ids[0]] if row.word_ids.size else ("", "")
    likely = is_likely(row.word_values)
    found = zip(row.word_values[likely].tolist(), row.word_ids[likely].tolist(), strict=True)
    tags = [(-value, parts[word][1]) for value, word in found if parts[word][0] in _SHOWN_KINDS]
    return first if kind == "genre" else None, [name for _, name in sorted(tags, key=lambda tag: tag[0])]


def _known(name: str, number: float) -> Any:  # noqa: ANN401 - int, float or None, as the model has it
    if math.isnan(number):
        return None
    return int(number) if name in _INTEGERS else number
