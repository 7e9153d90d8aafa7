"""Selecting: which tracks, in which order, and what they are made of. Array operations only; no web, no database."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from workers.catalog.areas import ACROSS, UP, Point, inside
from workers.catalog.columns import Columns, Mask, Slots, folded, key_of
from workers.catalog.rows import LIKELY_TAG, TAG_KINDS, genre_word, tag_word


@dataclass(frozen=True, slots=True)
class Selection:
    """What tracks must be like; what is not said does not matter."""

    genres: tuple[str, ...] = ()
    """The most likely genre is one of these."""
    not_genres: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    """All of these are likely enough: `happy`, or with its kind, `mood:happy`."""
    not_tags: tuple[str, ...] = ()
    min_tag: float = LIKELY_TAG
    text: str = ""
    """Each of its words is in title, artist or album, without regard to case and accents."""
    unsure: bool | None = None
    ranges: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)
    """Bounds, both included, by the names of NUMBERS. What is unknown is in no range."""
    tracks: frozenset[str] = frozenset()
    """One of these, by id."""
    area: tuple[Point, ...] = ()
    """Corners of an area of the map (energy, valence) in which tracks lie."""


def selected(columns: Columns, *selections: Selection) -> Mask:
    """Which slots all of these selections take."""
    mask = columns.alive.copy()
    for selection in selections:
        mask = _narrowed(columns, mask, selection)
    return mask


def _narrowed(columns: Columns, mask: Mask, selection: Selection) -> Mask:
    if selection.tracks:
        slots = [slot for track_id in selection.tracks if (slot := columns.slot_of(track_id)) is not None]
        mask &= np.isin(np.arange(columns.n_slots), slots)
    if selection.genres:
        mask &= _has_genre(columns, selection.genres)
    if selection.not_genres:
        mask &= ~_has_genre(columns, selection.not_genres)
    for tag in selection.tags:
        mask &= _has_tag(columns, tag, selection.min_tag)
    for tag in selection.not_tags:
        mask &= ~_has_tag(columns, tag, selection.min_tag)
    if selection.unsure is not None:
        mask &= columns.number("unsure") == float(selection.unsure)
    for name, (low, high) in selection.ranges.items():
        mask &= _is_between(columns.number(name), low, high)
    if selection.area:
        mask &= inside(columns.number(ACROSS), columns.number(UP), selection.area)
    for word in folded(selection.text).split():
        mask &= columns.texts.having(word)
    return mask


def _is_between(numbers: NDArray[np.float64], low: float | None, high: float | None) -> Mask:
    # NaN, unknown, is in no range, also in one that is open at an end.
    return (numbers >= (-np.inf if low is None else low)) & (numbers <= (np.inf if high is None else high))


def _has_genre(columns: Columns, genres: tuple[str, ...]) -> Mask:
    words = [found for genre in genres if (found := columns.word(genre_word(genre))) is not None]
    return np.isin(columns.best_genres, words)


def tag_words(columns: Columns, tag: str) -> list[int]:
    """The words that a tag may mean: with its kind one, without it all of that name."""
    names = [tag, *(tag_word(kind, tag) for kind in TAG_KINDS)]
    return [found for name in names if not name.startswith("genre:") and (found := columns.word(name)) is not None]


def _has_tag(columns: Columns, tag: str, min_tag: float) -> Mask:
    mask = np.zeros(columns.n_slots, np.bool_)
    for word in tag_words(columns, tag):
        mask |= columns.roots(word) >= np.sqrt(np.float32(min_tag))
    return mask


@dataclass(frozen=True, slots=True)
class Facets:
    """How many of the selected tracks are of each kind."""

    genres: dict[str, int]
    """By most likely genre, the most frequent first."""
    tags: dict[str, dict[str, int]]
    """By kind, those that are likely enough."""
    histograms: dict[str, list[int]]
    """As HISTOGRAMS says; what is unknown is in no bin."""


def facets(columns: Columns, mask: Mask, min_tag: float = LIKELY_TAG) -> Facets:
    """What the tracks of ``mask`` are made of."""
    words = columns.vocabulary.words
    best = columns.best_genres[mask]
    genres = np.bincount(best[best >= 0], minlength=1)
    tags: dict[str, dict[str, int]] = {kind: {} for kind in TAG_KINDS if kind != "genre"}
    for n, word in zip(_tag_counts(columns, mask, min_tag), words, strict=False):
        kind, _, tag = word.partition(":")
        if n and kind in tags:
            tags[kind][tag] = n
    return Facets(
        genres=_ranked({words[word].partition(":")[2]: int(genres[word]) for word in np.flatnonzero(genres)}),
        tags={kind: _ranked(counts) for kind, counts in tags.items()},
        histograms=columns.histograms(mask),
    )


def _tag_counts(columns: Columns, mask: Mask, min_tag: float) -> list[int]:
    if min_tag == LIKELY_TAG:
        return [int(n) for n in columns.word_counts(mask)]
    return [int(np.count_nonzero((row >= np.sqrt(np.float32(min_tag))) & mask)) for row in columns.roots()]


def _ranked(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True, slots=True)
class Order:
    """By a number or a text; unknown ones last, equal ones in an order that is the same everywhere."""

    by: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in an order: behind this track. ``value`` is None for unknown."""

    value: float | str | None
    tie: int


def page(columns: Columns, mask: Mask, order: Order, after: Mark | None, limit: int) -> Slots:
    """The first ``limit`` slots of ``mask`` in ``order``, behind a mark."""
    sign = -1.0 if order.descending else 1.0
    slots = np.flatnonzero(mask)
    keys = sign * columns.keys(order.by)[slots]
    keys[np.isnan(keys)] = np.inf
    if after is not None:
        behind = _behind(columns, slots, keys, order, after)
        slots, keys = slots[behind], keys[behind]
    if slots.size > limit:
        slots, keys = _first(columns, slots, keys, order, limit)
    if columns.is_text(order.by):
        exact = [(columns.text(order.by, int(slot)), int(columns.ties[slot])) for slot in slots]
        ranks = sorted(range(len(exact)), key=exact.__getitem__, reverse=order.descending)
        ranks.sort(key=keys.__getitem__)  # stable: unknown ones go last, all else stays
        return slots[ranks[:limit]]
    ties = columns.ties[slots]
    return slots[np.lexsort((-ties if order.descending else ties, keys))[:limit]]


def _first(
    columns: Columns, slots: Slots, keys: NDArray[np.float64], order: Order, limit: int
) -> tuple[Slots, NDArray[np.float64]]:
    """What may be among the first ``limit``: many tracks may share a key, of those only as many as are needed."""
    last = np.partition(keys, limit - 1)[limit - 1]
    before, level = np.flatnonzero(keys < last), np.flatnonzero(keys == last)
    n_more = limit - before.size
    if level.size > n_more and not columns.is_text(order.by):
        ties = columns.ties[slots[level]]
        level = level[np.argpartition(-ties if order.descending else ties, n_more - 1)[:n_more]]
    chosen = np.concatenate([before, level])
    return slots[chosen], keys[chosen]


def _behind(columns: Columns, slots: Slots, keys: NDArray[np.float64], order: Order, after: Mark) -> Mask:
    key = key_of(after.value) * (-1.0 if order.descending else 1.0)
    key = np.inf if np.isnan(key) else key
    ties = columns.ties[slots]
    if not columns.is_text(order.by):
        return np.asarray((keys > key) | ((keys == key) & (ties < after.tie if order.descending else ties > after.tie)))
    behind = keys > key
    there = (str(after.value or ""), after.tie)
    for at in np.flatnonzero(keys == key):
        here = (columns.text(order.by, int(slots[at])), int(ties[at]))
        behind[at] = here < there if order.descending else here > there
    return behind


def mark_of(columns: Columns, slot: int, order: Order) -> Mark:
    """The place of a track in an order."""
    tie = int(columns.ties[slot])
    if columns.is_text(order.by):
        return Mark(columns.text(order.by, slot) or None, tie)
    value = float(columns.keys(order.by)[slot])
    return Mark(None if np.isnan(value) else value, tie)
