"""A row of the catalogue: what of a label is kept in memory, to select and compare by. The label stays on disk."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.events import TrackLabeled
from workers.catalog.embeddings import Vector, compact

FEATURES: Final = (
    "danceability",
    "energy",
    "key",
    "loudness",
    "mode",
    "speechiness",
    "acousticness",
    "instrumentalness",
    "liveness",
    "valence",
    "tempo",
    "time_signature",
    "duration_ms",
)
NUMBERS: Final = (*FEATURES, "year", "confidence", "unsure", "labeled_at")
"""Whatever can be compared and sorted by: Spotify's features; the year of release; the probability of the best genre;
1 for unsure; when the label was made, in seconds since 1970. Unknown is NaN, and so is the tempo of what has no beat:
labels and Spotify say 0 there, which is not slow."""
TAG_KINDS: Final = ("mood", "instrument", "voice", "era", "genre")

LIKELY_TAG: Final = 0.1
"""How likely a tag must be to count. Tags are rarer than not: most are below 0.01 for most tracks."""

# More words than any ensemble has: whoever writes other ones into labels must not fill our memory.
MAX_WORDS: Final = 512

Ids = NDArray[np.uint16]
Values = NDArray[np.float32]
Numbers = NDArray[np.float64]


class Vocabulary:
    """The words of labels (`genre:jazz` for genres, `mood:happy` for tags) and their ids, which never change."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self.words = list(words)
        self.parts = [_parts(word) for word in self.words]
        """Kind and name of each."""
        self._ids = {word: index for index, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def id_of(self, word: str) -> int | None:
        """The id of a word that is known."""
        return self._ids.get(word)

    def learn(self, word: str) -> int | None:
        """The id of a word, a new one if need be; None when there are too many already."""
        found = self._ids.get(word)
        if found is None and len(self.words) < MAX_WORDS:
            found = self._ids[word] = len(self.words)
            self.parts.append(_parts(word))
            self.words.append(word)
        return found


def _parts(word: str) -> tuple[str, str]:
    kind, _, name = word.partition(":")
    return kind, name


def is_likely(values: Values, least: float = LIKELY_TAG) -> NDArray[np.bool_]:
    """Which probabilities are likely enough."""
    return np.asarray(values >= np.float32(least))


def genre_word(genre: str) -> str:
    """A genre of the taxonomy as a word."""
    return f"genre:{genre}"


def tag_word(kind: str, tag: str) -> str:
    """A tag as a word. Styles that the networks were taught are `style:` ones, since genres are others."""
    return f"{'style' if kind == 'genre' else kind}:{tag}"


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One labeled track."""

    track_id: str
    title: str
    artist: str
    album: str
    isrc: str
    spotify_id: str
    uri: str
    """Without secrets."""
    content_hash: str
    numbers: Numbers
    """As NUMBERS names them."""
    word_ids: Ids
    word_values: Values
    """Probabilities, 0 to 1."""
    ensemble: str = ""
    """Digest of the ensemble, with an embedding."""
    embedding: Vector | None = None
    """What the network hears, made compact."""


def row_of(track_id: str, label: TrackLabeled, vocabulary: Vocabulary) -> Row:
    """The row of a track's label; its new words are learned."""
    features = label.features
    numbers = [getattr(features, name) for name in FEATURES]
    if features.tempo == 0:
        numbers[FEATURES.index("tempo")] = None
    best = label.genres[0].probability if label.genres else 0.0
    numbers += [label.submission.year, best, bool(label.unsure), label.labeled_at.timestamp()]
    words = {genre_word(one.genre): one.probability for one in label.genres}
    for kind in TAG_KINDS:
        words |= {tag_word(kind, one.tag): one.probability for one in getattr(label.tags, kind)}
    known = [(found, value) for word, value in words.items() if (found := vocabulary.learn(word)) is not None]
    submission, embedding = label.submission, compact(label.embedding)
    return Row(
        track_id=track_id,
        title=submission.title or "",
        artist=submission.artist or "",
        album=submission.album or "",
        isrc=submission.isrc or "",
        spotify_id=submission.spotify_id or "",
        uri=submission.uri,
        content_hash=label.audio.content_hash,
        numbers=np.array([np.nan if number is None else number for number in numbers], np.float64),
        word_ids=np.array([found for found, _ in known], np.uint16),
        word_values=np.array([value for _, value in known], np.float32),
        ensemble=label.versions.ensemble_digest if embedding is not None else "",
        embedding=embedding,
    )
