"""The catalogue in memory: an array for each number and word, a slot for each track. Selecting is done on arrays."""

import unicodedata
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workers.catalog.bitmaps import Bitmaps
from workers.catalog.embeddings import Embeddings
from workers.catalog.growing import longer, with_rows
from workers.catalog.public_ids import Places, artist_id_of, track_id_of
from workers.catalog.rows import NUMBERS, Row, Vocabulary, is_likely
from workers.catalog.scales import SCALES, scaled
from workers.catalog.texts import Texts

Slots = NDArray[np.int64]
Mask = NDArray[np.bool_]

TEXTS: Final = ("title", "artist", "album")
"""What can be sorted by besides numbers."""
_UNIT_FEATURES: Final = (
    "danceability",
    "energy",
    "speechiness",
    "acousticness",
    "instrumentalness",
    "liveness",
    "valence",
    "confidence",
)
HISTOGRAMS: Final[dict[str, tuple[float, float, int]]] = {
    **dict.fromkeys(_UNIT_FEATURES, (0.0, 1.0, 20)),
    "loudness": (-60.0, 0.0, 20),
    "tempo": (40.0, 240.0, 20),
    "duration_ms": (0.0, 600_000.0, 20),
    "year": (1900.0, 2030.0, 26),
    "key": (-1.5, 11.5, 13),
}
"""Lowest edge, highest edge, number of bins. What lies outside counts in the first or last, unknown in none."""
_SCALED: Final = tuple(SCALES)
_IN_NUMBERS: Final = [NUMBERS.index(name) for name in _SCALED]
# As many bytes of a text as a double holds exactly: they sort most texts, the rest is compared in full.
_KEY_BYTES: Final = 6

_FIRST_SLOTS: Final = 1024
_FIRST_WORDS: Final = 128


def folded(text: str) -> str:
    """Text without case and accents, as searches compare it."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return decomposed if decomposed.isascii() else "".join(c for c in decomposed if not unicodedata.combining(c))


def tie_break(track_id: str) -> int:
    """A number that orders tracks which are equal otherwise: the same on every replica and after every restart."""
    return int.from_bytes(blake2b(track_id.encode(), digest_size=7).digest())


def key_of(value: float | str | None) -> float:
    """A number as it is, a folded text by its beginning, NaN for nothing."""
    if isinstance(value, str):
        return float(int.from_bytes(value.encode()[:_KEY_BYTES].ljust(_KEY_BYTES, b"\0"))) if value else float("nan")
    return float("nan") if value is None else float(value)


def _bins_of(row: Row) -> list[int]:
    """Among the bins of all histograms, one behind the other, those of a track."""
    bins, before = [], 0
    for name, (low, high, n) in HISTOGRAMS.items():
        number = row.numbers[NUMBERS.index(name)]
        if not np.isnan(number):
            bins.append(before + int(min(max((number - low) / (high - low) * n, 0), n - 1)))
        before += n
    return bins


class Columns:
    """Arrays with a slot for each track. Not for several threads at once: the catalogue has a lock."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.n_slots = 0
        """Slots that are or were taken; arrays are longer."""
        self.n_words = 0
        """Words that arrays have a row for; the vocabulary may have learned more already."""
        self.rows: list[Row | None] = []
        self.texts = Texts()
        """Title, artist and album of each slot, folded."""
        self.tracks = Places()
        """Slots by the public ids of tracks."""
        self.artists = Places()
        """Slots by the public ids of their artists."""
        self.embeddings = Embeddings()
        self._slot_of: dict[str, int] = {}
        self._free: list[int] = []
        self._alive = np.zeros(_FIRST_SLOTS, np.bool_)
        self._ties = np.zeros(_FIRST_SLOTS, np.int64)
        self._numbers = np.full((len(NUMBERS), _FIRST_SLOTS), np.nan)
        self._roots = np.zeros((_FIRST_WORDS, _FIRST_SLOTS), np.float32)
        self._best = np.full(_FIRST_SLOTS, -1, np.int16)
        self._tag_norms = np.zeros(_FIRST_SLOTS, np.float32)
        self._scaled = np.full((len(_SCALED), _FIRST_SLOTS), np.nan, np.float32)
        self._likely = Bitmaps(_FIRST_WORDS, _FIRST_SLOTS)
        self._bins = Bitmaps(sum(n for *_, n in HISTOGRAMS.values()), _FIRST_SLOTS)
        self._is_genre_word = np.zeros(0, np.bool_)
        self._text_keys = np.full((len(TEXTS), _FIRST_SLOTS), np.nan)
        self._artists = np.zeros(_FIRST_SLOTS, np.int64)
        self._contents = np.zeros(_FIRST_SLOTS, np.int64)

    def __len__(self) -> int:
        return len(self._slot_of)

    @property
    def alive(self) -> Mask:
        """Which slots hold a track."""
        return self._alive[: self.n_slots]

    @property
    def ties(self) -> NDArray[np.int64]:
        """What orders tracks that are equal otherwise."""
        return self._ties[: self.n_slots]

    @property
    def best_genres(self) -> NDArray[np.int16]:
        """The word of each track's most likely genre, -1 without one."""
        return self._best[: self.n_slots]

    @property
    def artist_keys(self) -> NDArray[np.int64]:
        """Equal for tracks of the same artist, 0 without one."""
        return self._artists[: self.n_slots]

    @property
    def content_keys(self) -> NDArray[np.int64]:
        """Equal for tracks of the same content."""
        return self._contents[: self.n_slots]

    def number(self, name: str) -> NDArray[np.float64]:
        """One of NUMBERS, for all slots."""
        return self._numbers[NUMBERS.index(name), : self.n_slots]

    def roots(self, words: slice | NDArray[np.int64] | int = slice(None)) -> NDArray[np.float32]:
        """Square roots of the probabilities of words, shape (n_words, n_slots): products of these compare tracks."""
        return self._roots[: self.n_words, : self.n_slots][words]

    @property
    def tag_norms(self) -> NDArray[np.float32]:
        """Length of each track's vector of the roots of its tags."""
        return self._tag_norms[: self.n_slots]

    @property
    def is_genre_word(self) -> Mask:
        """Which words are genres; all others are tags."""
        return self._is_genre_word

    def genre(self, row: Row) -> str | None:
        """The most likely genre of a track."""
        best = self._best_genre(row)
        return self.vocabulary.words[best].partition(":")[2] if best >= 0 else None

    def word(self, word: str) -> int | None:
        """The row of a word in ``roots``, None when no track was ever given it."""
        found = self.vocabulary.id_of(word)
        return found if found is not None and found < self.n_words else None

    def on_scale(self, name: str) -> NDArray[np.float32]:
        """A number for all slots, on its scale."""
        return self._scaled[_SCALED.index(name), : self.n_slots] if name in SCALES else scaled(name, self.number(name))

    def word_counts(self, mask: Mask) -> NDArray[np.int64]:
        """How many of some tracks likely have each word; shape (n_words,)."""
        return self._likely.counts(mask)[: self.n_words]

    def histograms(self, mask: Mask) -> dict[str, list[int]]:
        """How many of some tracks are in each bin of HISTOGRAMS."""
        counts, found, before = self._bins.counts(mask).tolist(), {}, 0
        for name, (*_, n) in HISTOGRAMS.items():
            found[name] = counts[before : before + n]
            before += n
        return found

    def is_text(self, by: str) -> bool:
        """Whether an order is one of texts, not of numbers."""
        return by in TEXTS

    def keys(self, by: str) -> NDArray[np.float64]:
        """What an order compares first: a number, or the beginning of a text. NaN where there is none."""
        return self._text_keys[TEXTS.index(by), : self.n_slots] if by in TEXTS else self.number(by)

    def text(self, by: str, slot: int) -> str:
        """What an order of texts compares where these begin alike."""
        return folded(getattr(self.row(slot), by))

    def slot_of(self, track_id: str) -> int | None:
        """Where a track is, None when it has no label."""
        return self._slot_of.get(track_id)

    def row(self, slot: int) -> Row:
        """The row of a slot that is alive."""
        row = self.rows[slot]
        assert row is not None  # noqa: S101 - callers ask for slots of a mask
        return row

    def put(self, row: Row) -> int:
        """Add a track, or replace it; its slot."""
        slot = self._slot_of.get(row.track_id)
        if slot is None:
            slot = self._slot_of[row.track_id] = self._free.pop() if self._free else self._new_slot()
        self._index(slot, row)
        self.rows[slot] = row
        self.texts.put(slot, folded(f"{row.title}\n{row.artist}\n{row.album}"))
        self._alive[slot] = True
        self._ties[slot] = tie_break(row.track_id)
        self._numbers[:, slot] = row.numbers
        for index, name in enumerate(_SCALED):
            self._scaled[index, slot] = scaled(name, row.numbers[_IN_NUMBERS[index]])
        if row.word_ids.size:
            self._know_words(int(row.word_ids.max()) + 1)
        self._roots[:, slot] = 0
        self._roots[row.word_ids, slot] = np.sqrt(row.word_values)
        self._likely.put(slot, row.word_ids[is_likely(row.word_values)])
        self._best[slot] = self._best_genre(row)
        self._tag_norms[slot] = np.sqrt(row.word_values[~self._is_genre_word[row.word_ids]].sum())
        self._bins.put(slot, _bins_of(row))
        self._artists[slot] = hash(row.artist.casefold()) if row.artist else 0
        self._contents[slot] = hash(row.content_hash)
        self.embeddings.put(slot, row.ensemble, row.embedding)
        self._text_keys[:, slot] = [key_of(folded(getattr(row, name))) for name in TEXTS]
        return slot

    def remove(self, track_id: str) -> Row | None:
        """Remove a track; the row it had."""
        slot = self._slot_of.pop(track_id, None)
        if slot is None:
            return None
        row = self.rows[slot]
        self._index(slot, None)
        self.rows[slot] = None
        self.texts.put(slot, "")
        self._alive[slot] = False
        self._roots[:, slot] = 0
        self.embeddings.put(slot, "", None)
        self._free.append(slot)
        return row

    def _know_words(self, n: int) -> None:
        if n <= self.n_words:
            return
        self.n_words = n
        self._roots = with_rows(self._roots, n)
        self._likely.grow(n, 0)
        self._is_genre_word = np.array([word.startswith("genre:") for word in self.vocabulary.words[:n]], np.bool_)

    def _index(self, slot: int, row: Row | None) -> None:
        before = self.rows[slot]
        if before is not None:
            self.tracks.remove(track_id_of(before), slot)
            self.artists.remove(artist_id_of(before.artist), slot)
        if row is not None:
            self.tracks.add(track_id_of(row), slot)
            if row.artist:
                self.artists.add(artist_id_of(row.artist), slot)

    def _best_genre(self, row: Row) -> int:
        # Labels list their genres first, the best before others.
        if row.word_ids.size and self.vocabulary.words[row.word_ids[0]].startswith("genre:"):
            return int(row.word_ids[0])
        return -1

    def _new_slot(self) -> int:
        slot = self.n_slots
        if slot == self._alive.size:
            size = 2 * slot
            self._alive = longer(self._alive, size, fill=False)
            self._ties = longer(self._ties, size)
            self._numbers = longer(self._numbers, size, fill=np.nan)
            self._roots = longer(self._roots, size)
            self._best = longer(self._best, size, fill=-1)
            self._tag_norms = longer(self._tag_norms, size)
            self._scaled = longer(self._scaled, size, fill=np.nan)
            self._likely.grow(0, size)
            self._bins.grow(0, size)
            self._text_keys = longer(self._text_keys, size, fill=np.nan)
            self._artists = longer(self._artists, size)
            self._contents = longer(self._contents, size)
        self.n_slots += 1
        self.rows.append(None)
        self.texts.put(slot, "")
        return slot
