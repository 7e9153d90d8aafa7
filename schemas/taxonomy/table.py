"""The taxonomy as frozen tables, read from the TOML files beside this one and checked while reading."""

import tomllib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache, cached_property
from importlib.resources import files
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.errors import InvalidSettingError

VOCABULARY_FILES = ("msd.toml", "mtt.toml")


class TagKind(StrEnum):
    """What a tag speaks of."""

    GENRE = "genre"
    MOOD = "mood"
    INSTRUMENT = "instrument"
    VOICE = "voice"
    ERA = "era"


_KIND_OF_PREFIX: Mapping[str, TagKind] = {
    "instrument": TagKind.INSTRUMENT,
    "mood": TagKind.MOOD,
    "moodtheme": TagKind.MOOD,
    "era": TagKind.ERA,
}


def plain_word(word: str) -> str:
    """The word without case, spaces and punctuation, ``&`` read as ``and``: two spellings of one name become equal."""
    return "".join(c for c in word.casefold().replace("&", "and") if c.isalnum())


class _Table(BaseModel):
    """Frozen, and a misspelt key is an error instead of a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Genre(_Table):
    """One first-level genre with its other names and the genres under it."""

    name: str
    aliases: tuple[str, ...] = ()
    subgenres: tuple[str, ...] = ()
    commonness: float = Field(default=1.0, gt=0)


class KnownTag(_Table):
    """What one tag means in one vocabulary.

    ``names`` says how much of the tag's probability counts as each genre; ``shown_as`` is the spelling that needledrop
    shows and hints are keyed by; ``prior`` is None where nobody counted.
    """

    kind: TagKind
    shown_as: str
    prior: float | None = Field(default=None, gt=0, lt=1)
    names: Mapping[str, float] = {}
    estimated: bool = False


class _TagRow(_Table):
    """A tag as its vocabulary file writes it."""

    kind: TagKind
    count: int = Field(gt=0)
    names: dict[str, float] = {}
    shown_as: str | None = Field(default=None, alias="as")
    estimated: bool = False
    why: str = ""


class Vocabulary(_Table):
    """The tags that a data set was labelled with, with how often each was used."""

    name: str
    n_tracks: int = Field(gt=0)
    tags: dict[str, _TagRow]

    @cached_property
    def known(self) -> Mapping[str, KnownTag]:
        """Every tag's meaning by its exact spelling."""
        return {
            tag: KnownTag(
                kind=row.kind,
                shown_as=row.shown_as or tag,
                prior=row.count / self.n_tracks,
                names=row.names,
                estimated=row.estimated,
            )
            for tag, row in self.tags.items()
        }


class Taxonomy(_Table):
    """Genres, hints and vocabularies of one version."""

    version: str
    genres: tuple[Genre, ...] = Field(min_length=1)
    hints: dict[str, dict[str, float | str]] = {}
    vocabularies: dict[str, Vocabulary] = {}

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        names = self.genre_names
        self._words  # noqa: B018 - building the index finds words that stand for two genres
        for tag, hint in self.hints.items():
            if "why" not in hint:
                raise ValueError(f"hint {tag!r} gives no reason (why)")
            _require_genres(f"hint {tag!r}", self.hint(tag), names)
        for vocabulary in self.vocabularies.values():
            for tag, known in vocabulary.known.items():
                _require_genres(f"tag {tag!r} of {vocabulary.name}", known.names, names)
        return self

    @property
    def genre_names(self) -> tuple[str, ...]:
        """The first-level genres in the order of the file."""
        return tuple(genre.name for genre in self.genres)

    @cached_property
    def _words(self) -> Mapping[str, tuple[str, str | None]]:
        words: dict[str, tuple[str, str | None]] = {}
        for genre in self.genres:
            entries = [(genre.name, None), *((alias, None) for alias in genre.aliases)]
            for word, subgenre in [*entries, *((sub, sub) for sub in genre.subgenres)]:
                if words.setdefault(plain_word(word), (genre.name, subgenre)) != (genre.name, subgenre):
                    raise ValueError(f"{word!r} stands for {words[plain_word(word)]} and for {(genre.name, subgenre)}")
        return words

    def genre_named(self, word: str) -> str | None:
        """The first-level genre that ``word`` (a genre, alias or subgenre in any spelling) stands for, or None."""
        return self.genre_and_subgenre(word)[0]

    def genre_and_subgenre(self, word: str) -> tuple[str | None, str | None]:
        """Where ``word`` stands in the tree: ("rock", "hard rock"), ("rock", None), or (None, None) if nowhere."""
        return self._words.get(plain_word(word), (None, None))

    def hint(self, shown_tag: str) -> Mapping[str, float]:
        """Nats of evidence on each genre when this tag is well above its prior; empty for a tag without hints."""
        return {genre: float(w) for genre, w in self.hints.get(shown_tag, {}).items() if genre != "why"}

    def known_tag(self, vocabulary: str, tag: str) -> KnownTag | None:
        """What ``tag`` means: as its vocabulary's table says, else as its own words say, else None.

        Words are read as MTG's lists write them: ``Rock---Hard Rock`` (genre---style) and ``instrument---piano``.
        """
        table = self.vocabularies.get(vocabulary)
        if table is not None and tag in table.known:
            return table.known[tag]
        return self._tag_by_its_words(tag)

    def _tag_by_its_words(self, tag: str) -> KnownTag | None:
        parts = [part.strip() for part in tag.split("---")]
        prefix_kind = _KIND_OF_PREFIX.get(plain_word(parts[0])) if len(parts) > 1 else None
        if prefix_kind is None:
            for part in reversed(parts):
                if genre := self.genre_named(part):
                    return KnownTag(kind=TagKind.GENRE, shown_as=parts[-1].casefold(), names={genre: 1.0})
        if (same := self._shown.get(plain_word(parts[-1]))) is not None:
            return KnownTag(kind=prefix_kind or same.kind, shown_as=same.shown_as)
        return KnownTag(kind=prefix_kind, shown_as=parts[-1].casefold()) if prefix_kind else None

    @cached_property
    def _shown(self) -> Mapping[str, KnownTag]:
        shown: dict[str, KnownTag] = {}
        for vocabulary in self.vocabularies.values():
            for tag, known in vocabulary.known.items():
                shown.setdefault(plain_word(known.shown_as), known)
                shown.setdefault(plain_word(tag), known)
        return shown

    def can_hear(self, tags: Iterable[str], vocabulary: str = "") -> tuple[str, ...]:
        """The genres that at least one of ``tags`` names; one that no tag names is never guessed."""
        heard = {genre for tag in tags if (known := self.known_tag(vocabulary, tag)) for genre in known.names}
        return tuple(name for name in self.genre_names if name in heard)

    def unknown_tags(self, tags: Iterable[str], vocabulary: str = "") -> tuple[str, ...]:
        """Those of ``tags`` that mean nothing to us: reported to the user, not used."""
        return tuple(tag for tag in tags if self.known_tag(vocabulary, tag) is None)

    def with_vocabulary(self, vocabulary: Vocabulary) -> "Taxonomy":
        """The same taxonomy knowing one more vocabulary, as an ensemble manifest may bring one.

        Raises: InvalidSettingError, if a tag of it names a genre that does not exist.
        """
        vocabularies = {**self.vocabularies, vocabulary.name: vocabulary}
        fields = {"version": self.version, "genres": self.genres, "hints": self.hints, "vocabularies": vocabularies}
        return _parsed(fields)


def _require_genres(where: str, weights: Mapping[str, float], names: tuple[str, ...]) -> None:
    if unknown := sorted(set(weights) - set(names)):
        raise ValueError(f"{where} speaks of {unknown}, which are no genres of the taxonomy")


def _parsed(content: Mapping[str, object]) -> Taxonomy:
    try:
        return Taxonomy.model_validate(content)
    except ValidationError as error:
        raise InvalidSettingError(f"the taxonomy is not usable: {error}") from error


def taxonomy_from_toml(main: str, vocabularies: Iterable[str] = ()) -> Taxonomy:
    """The taxonomy that these TOML texts describe.

    Raises: InvalidSettingError, naming what is wrong.
    """
    try:
        tables = [tomllib.loads(text) for text in vocabularies]
        return _parsed({**tomllib.loads(main), "vocabularies": {str(t.get("name", "")): t for t in tables}})
    except tomllib.TOMLDecodeError as error:
        raise InvalidSettingError(f"the taxonomy is not TOML: {error}") from error


@cache
def default_taxonomy() -> Taxonomy:
    """The taxonomy that ships with needledrop, read once."""
    folder = files("schemas.taxonomy")
    return taxonomy_from_toml(
        folder.joinpath("taxonomy.toml").read_text("utf-8"),
        [folder.joinpath(name).read_text("utf-8") for name in VOCABULARY_FILES],
    )
