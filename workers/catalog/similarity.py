"""How alike two tracks are, and a ranking that does not repeat itself: all the mathematics of recommending.

Four kinds of evidence, each from 0 (nothing in common) to 1 (the same), over what both tracks are known to have:

- genres: the Bhattacharyya coefficient of the two distributions, sum of sqrt(p q) over genres [1];
- tags: the cosine between the square roots of the tags' probabilities. Roots, since tags are rare: without them the
  two or three likeliest tags would be all that counts;
- features: 1 - the mean distance, each on a scale on which 1 is far apart; tempo in octaves, where half and double
  tempo are the same;
- embeddings, where both labels carry one of the same ensemble: the cosine of what is left of them after subtracting the
  catalogue's mean, at least 0 (the module embeddings).

The similarity is their mean, weighted by WEIGHTS; without embeddings, that of the other three. A seed that is
a genre is the distribution that is 1 there: its coefficient with p is sqrt(p of that genre). Several seeds: the mean of
their similarities.

The ranking is maximal marginal relevance [2]: the next track is the one with the best LAMBDA * score - (1 - LAMBDA) *
(greatest similarity, by genres and tags, to one chosen before), no artist twice in a row, the same content once.

[1] A. Bhattacharyya, Bull. Calcutta Math. Soc. 35, 1943. [2] J. Carbonell and J. Goldstein, SIGIR 1998.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workers.catalog.columns import Columns, Mask
from workers.catalog.embeddings import Vector
from workers.catalog.rows import NUMBERS, Row, is_likely
from workers.catalog.scales import SCALES, distances

Scores = NDArray[np.float32]

GENRES: Final = "genres"
TAGS: Final = "tags"
FEATURES: Final = "features"
EMBEDDINGS: Final = "embeddings"
WEIGHTS: Final[Mapping[str, float]] = {GENRES: 0.3, TAGS: 0.5, FEATURES: 0.2, EMBEDDINGS: 1.0}
"""Round numbers, not tuned: what was measured is in docs/choosing.md. An embedding counts as much as all else together,
since genres and tags are read off such vectors, and are a small part of what is in them."""

TARGET_WEIGHT: Final = 0.4
"""How much targets count where there are seeds, too."""
LAMBDA: Final = 0.8
# For reasons. Most tags are below 0.01 for most tracks; so many BPM can be mixed; a tenth of a feature's scale.
_LIKELY_TAG: Final = 0.2
_NEAR_BPM: Final = 8.0
_NEAR: Final = 0.1
_CANDIDATES_PER_RESULT: Final = 8
_FEWEST_CANDIDATES: Final = 60


@dataclass(frozen=True, slots=True)
class Seed:
    """A track to be like: the square roots of its words' probabilities, and its numbers."""

    roots: NDArray[np.float32]
    numbers: Mapping[str, float]
    ensemble: str = ""
    embeddings: Sequence[Vector] = ()
    """Those of this ensemble."""


def seed_of(columns: Columns, rows: Sequence[Row]) -> Seed:
    """A track, or the mean of several: an artist."""
    roots = np.zeros(columns.n_words, np.float32)
    for row in rows:
        roots[row.word_ids] += np.sqrt(row.word_values)
    known = np.array([row.numbers for row in rows])
    numbers: dict[str, float] = {}
    for name in SCALES:
        values = known[:, NUMBERS.index(name)]
        values = values[~np.isnan(values)]
        if values.size:
            numbers[name] = float(values.mean())
    ensemble = next((row.ensemble for row in rows if row.embedding is not None), "")
    embeddings = [row.embedding for row in rows if row.embedding is not None and row.ensemble == ensemble]
    return Seed((roots / len(rows)).astype(np.float32), numbers, ensemble, embeddings)


def similarities(columns: Columns, seed: Seed, weights: Mapping[str, float] = WEIGHTS) -> Scores:
    """How alike each slot's track is to ``seed``, 0 to 1."""
    return similarities_to_each(columns, [seed], weights)[0]


def similarities_to_each(
    columns: Columns, seeds: Sequence[Seed], weights: Mapping[str, float] = WEIGHTS
) -> list[Scores]:
    """``similarities`` to several seeds; the words' roots, which are most of the work, are gone through once."""
    if not seeds:
        return []
    roots, is_genre = np.stack([seed.roots for seed in seeds]), columns.is_genre_word
    queries = np.concatenate([np.where(is_genre, roots, 0), np.where(is_genre, 0, roots)]).astype(np.float32)
    by_genres, by_tags = np.split(queries @ columns.roots(), 2)
    lengths = np.linalg.norm(queries[len(seeds) :], axis=1)
    return [
        _weighed(columns, seed, weights, genres, tags / np.maximum(length * columns.tag_norms, np.float32(1e-6)))
        for seed, genres, tags, length in zip(seeds, by_genres, by_tags, lengths, strict=True)
    ]


def _weighed(columns: Columns, seed: Seed, weights: Mapping[str, float], by_genres: Scores, by_tags: Scores) -> Scores:
    parts = {GENRES: by_genres, TAGS: by_tags, FEATURES: feature_similarities(columns, seed.numbers)}
    total, of = np.zeros(columns.n_slots, np.float32), sum(weights.get(name, 0) for name in parts)
    for name, part in parts.items():
        total += np.float32(weights.get(name, 0)) * part
    heard = columns.embeddings.similarities(seed.ensemble, list(seed.embeddings), columns.n_slots)
    weight = np.float32(weights.get(EMBEDDINGS, 0))
    if heard is None or not weight:
        return _within_1(total / np.float32(max(of, 1e-6)))
    known = ~np.isnan(heard)
    total += np.where(known, weight * heard, 0)
    return _within_1(total / np.maximum(np.float32(of) + weight * known, np.float32(1e-6)))


def _within_1(scores: Scores) -> Scores:
    return np.clip(scores, 0, 1, out=scores)


def genre_similarities(columns: Columns, word: int) -> Scores:
    """How alike each slot's track is to a genre."""
    return columns.roots(word).copy()


def feature_similarities(columns: Columns, wanted: Mapping[str, float]) -> Scores:
    """1 - the mean distance from the wanted numbers, over those that are known; 0 where none is."""
    apart = np.zeros(columns.n_slots, np.float32)
    n_known = np.zeros(columns.n_slots, np.float32)
    for name, value in wanted.items():
        found = distances(name, columns.on_scale(name), value)
        n_known += ~np.isnan(found)
        apart += np.fmin(found, 1, out=found)  # 1 for unknown ones
    return ((len(wanted) - apart) / np.maximum(n_known, 1)).astype(np.float32)


def ranked(columns: Columns, scores: Scores, mask: Mask, limit: int) -> list[tuple[int, float]]:
    """The ``limit`` best slots of ``mask`` with their scores, varied as the module says."""
    candidates = np.flatnonzero(mask)
    n_candidates = max(_FEWEST_CANDIDATES, _CANDIDATES_PER_RESULT * limit)
    if candidates.size > n_candidates:
        candidates = candidates[np.argpartition(-scores[candidates], n_candidates - 1)[:n_candidates]]
    candidates = candidates[np.lexsort((columns.ties[candidates], -scores[candidates]))]
    _, first = np.unique(columns.content_keys[candidates], return_index=True)
    slots = candidates[np.sort(first)]
    vectors = columns.roots()[:, slots]
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=0), np.float32(1e-6))
    artists = columns.artist_keys[slots]
    relevance = LAMBDA * scores[slots]
    redundancy = np.zeros(len(slots), np.float32)
    open_ = np.ones(len(slots), np.bool_)
    last_artist, chosen = 0, list[tuple[int, float]]()
    while len(chosen) < limit and open_.any():
        fitting = open_ & ((artists != last_artist) | (artists == 0))
        values = np.where(fitting if fitting.any() else open_, relevance - (1 - LAMBDA) * redundancy, -np.inf)
        best = int(values.argmax())
        chosen.append((int(slots[best]), float(scores[slots[best]])))
        open_[best] = False
        last_artist = artists[best]
        redundancy = np.maximum(redundancy, vectors[:, best] @ vectors)
    return chosen


def reasons(columns: Columns, slot: int, seeds: Sequence[int]) -> list[str]:
    """Why a track is like the nearest of some others, in words; the strongest reasons first, at most four."""
    found: list[str] = []
    row = columns.row(slot)
    for other in (columns.row(seed) for seed in seeds):
        if row.artist and row.artist.casefold() == other.artist.casefold():
            found.append("same artist")
        genre = columns.genre(row)
        if genre and genre == columns.genre(other):
            found.append(f"same genre, {genre}")
        found += _shared_tags(columns, row, other)
        found += _near_numbers(row, other)
    return list(dict.fromkeys(found))[:4]


def _shared_tags(columns: Columns, row: Row, other: Row) -> list[str]:
    """Tags that are likely for both; styles say what genres do."""
    mine, its = _likely_words(row), _likely_words(other)
    likely = [(min(mine[word], its[word]), columns.vocabulary.parts[word]) for word in mine.keys() & its.keys()]
    return [f"both {tag}" for _, (kind, tag) in sorted(likely, reverse=True) if kind not in ("genre", "style")][:2]


def _likely_words(row: Row) -> dict[int, float]:
    likely = is_likely(row.word_values, _LIKELY_TAG)
    return dict(zip(row.word_ids[likely].tolist(), row.word_values[likely].tolist(), strict=True))


def _near_numbers(row: Row, other: Row) -> list[str]:
    def both(name: str) -> tuple[float, float]:
        index = NUMBERS.index(name)
        return float(row.numbers[index]), float(other.numbers[index])

    found = []
    tempo, its_tempo = both("tempo")
    if abs(tempo - its_tempo) < _NEAR_BPM:
        found.append(f"{abs(tempo - its_tempo):.0f} BPM apart")
    energy, its_energy = both("energy")
    if abs(energy - its_energy) < _NEAR:
        found.append(f"as {_LEVELS[int(min(energy, its_energy) * 2.999)]}")
    valence, its_valence = both("valence")
    if abs(valence - its_valence) < _NEAR:
        found.append(f"as {_MOODS[int(min(valence, its_valence) * 2.999)]}")
    return found


_LEVELS: Final = ("calm", "lively", "energetic")
_MOODS: Final = ("sad", "even-tempered", "cheerful")
