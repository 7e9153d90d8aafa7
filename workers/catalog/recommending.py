"""Seeds and targets become a ranking with reasons. The mathematics is in similarity."""

from dataclasses import dataclass, field

import numpy as np

from workers.catalog.columns import Columns, Mask
from workers.catalog.public_ids import artist_id_of
from workers.catalog.rows import Row, genre_word
from workers.catalog.similarity import (
    TARGET_WEIGHT,
    Scores,
    feature_similarities,
    genre_similarities,
    ranked,
    reasons,
    seed_of,
    similarities_to_each,
)

ALIKE = 0.5
"""A track belongs to a seed's pool from this similarity on."""


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What to recommend by."""

    tracks: tuple[int, ...] = ()
    """Slots."""
    artists: tuple[str, ...] = ()
    """Names; those without a track do not count."""
    genres: tuple[str, ...] = ()
    targets: dict[str, float] = field(default_factory=dict)
    """Numbers to be near."""


@dataclass(frozen=True, slots=True)
class Recommended:
    """One recommended track."""

    row: Row
    similarity: float
    reasons: list[str]


def seed_scores(columns: Columns, ingredients: Ingredients) -> list[Scores]:
    """How alike each slot is to each seed: tracks, then artists, then genres; zeros for an unknown seed."""
    nothing = np.zeros(columns.n_slots, np.float32)
    rows_of_seeds = [[columns.row(slot)] for slot in ingredients.tracks]
    rows_of_seeds += [
        [columns.row(slot) for slot in columns.artists.of(artist_id_of(artist))] for artist in ingredients.artists
    ]
    scored = iter(similarities_to_each(columns, [seed_of(columns, rows) for rows in rows_of_seeds if rows]))
    scores = [next(scored) if rows else nothing for rows in rows_of_seeds]
    for genre in ingredients.genres:
        word = columns.word(genre_word(genre))
        scores.append(nothing if word is None else genre_similarities(columns, word))
    return scores


def recommended(columns: Columns, ingredients: Ingredients, mask: Mask, limit: int) -> list[Recommended]:
    """The best tracks of ``mask``, without the seeds themselves and whatever has their content."""
    return chosen(columns, ingredients, seed_scores(columns, ingredients), mask, limit)


def chosen(
    columns: Columns, ingredients: Ingredients, seeds: list[Scores], mask: Mask, limit: int
) -> list[Recommended]:
    """As ``recommended``, with the scores of the seeds at hand."""
    parts = [(1.0, np.mean(seeds, axis=0))] if seeds else []
    if ingredients.targets:
        near = feature_similarities(columns, ingredients.targets)
        parts = [(1 - TARGET_WEIGHT, parts[0][1]), (TARGET_WEIGHT, near)] if parts else [(1.0, near)]
    if not parts:
        return []
    scores = sum(np.float32(weight) * part for weight, part in parts).astype(np.float32)
    known = {columns.row(slot).content_hash for slot in ingredients.tracks}
    mask = mask.copy()
    mask[list(ingredients.tracks)] = False
    best = ranked(columns, scores, mask, limit + len(known))
    found = [(slot, score) for slot, score in best if columns.row(slot).content_hash not in known][:limit]
    return [Recommended(columns.row(slot), score, _why(columns, slot, ingredients)) for slot, score in found]


def _why(columns: Columns, slot: int, ingredients: Ingredients) -> list[str]:
    row = columns.row(slot)
    found = reasons(columns, slot, ingredients.tracks)
    found += [f"by {row.artist}" for artist in ingredients.artists if artist.casefold() == row.artist.casefold()]
    genre = columns.genre(row)
    found += [f"{genre}, as asked" for asked in ingredients.genres if asked == genre]
    return found
