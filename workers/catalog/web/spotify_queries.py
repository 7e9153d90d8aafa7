"""The parameters of Spotify's Web API. What we have no use for (market, say) is ignored, as there."""

import re
from http import HTTPStatus
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from workers.catalog.columns import folded
from workers.catalog.selection import Selection
from workers.catalog.web.errors import RefusedError
from workers.catalog.web.queries import Bound, FeatureBounds

_ID: Final = re.compile("[0-9A-Za-z]{1,64}")
MAX_SEEDS: Final = 5
_TYPES: Final = ("album", "artist", "playlist", "track", "show", "episode", "audiobook")
# `artist:"nina simone"`, `year:1960-1969`, a quoted phrase, a word.
_TERM: Final = re.compile(r'(?:(track|artist|album|year|genre|isrc|upc|tag):)?(?:"([^"]*)"|(\S+))', re.IGNORECASE)
_YEARS: Final = re.compile(r"(\d{4})(?:-(\d{4}))?")

Listed = Annotated[str, StringConstraints(max_length=8000)]
_IGNORING: Final = ConfigDict(extra="ignore", use_attribute_docstrings=True)


class IdsQuery(BaseModel):
    """Several tracks."""

    model_config = _IGNORING

    ids: Annotated[Listed, StringConstraints(min_length=1)]
    """Ids with commas between them."""


class RecommendationsQuery(FeatureBounds):
    """Seeds, bounds and targets."""

    model_config = _IGNORING

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    """How many tracks."""
    seed_artists: Listed = ""
    """Ids with commas between them; with tracks and genres one to five in all."""
    seed_genres: Listed = ""
    """Genres with commas between them."""
    seed_tracks: Listed = ""
    """Ids with commas between them."""
    target_acousticness: Bound = None
    target_danceability: Bound = None
    target_duration_ms: Bound = None
    target_energy: Bound = None
    target_instrumentalness: Bound = None
    target_key: Bound = None
    target_liveness: Bound = None
    target_loudness: Bound = None
    target_mode: Bound = None
    target_speechiness: Bound = None
    target_tempo: Bound = None
    target_time_signature: Bound = None
    target_valence: Bound = None

    def targets(self) -> dict[str, float]:
        """The numbers to be near, by name."""
        names = [name for name in type(self).model_fields if name.startswith("target_")]
        found = {name.removeprefix("target_"): getattr(self, name) for name in names}
        return {name: float(value) for name, value in found.items() if value is not None}


class SearchQuery(BaseModel):
    """A search."""

    model_config = _IGNORING

    q: Annotated[str, StringConstraints(min_length=1, max_length=250)]
    """Words, and `track:`, `artist:`, `album:`, `year:1960-1969`, `genre:`, `isrc:`."""
    type: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    """What to search for, with commas between; only tracks are ever found."""
    limit: Annotated[int, Field(ge=1, le=50)] = 20
    """How many."""
    offset: Annotated[int, Field(ge=0, le=1000)] = 0
    """How many to skip."""

    def types(self) -> list[str]:
        """The kinds that are asked for. Raises: RefusedError."""
        found = [one.strip() for one in self.type.split(",")]
        for one in found:
            if one not in _TYPES:
                raise RefusedError(HTTPStatus.BAD_REQUEST, f"type: bad search type field {one[:40]}")
        return found


def ids_in(listed: str, most: int) -> list[str]:
    """The ids of a list with commas. Raises: RefusedError."""
    ids = [one.strip() for one in listed.split(",") if one.strip()]
    if len(ids) > most:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"ids: too many, at most {most}")
    for one in ids:
        if not _ID.fullmatch(one):
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"ids: invalid id {one[:64]}")
    return ids


class Terms(BaseModel):
    """A search, taken apart: plain words, and what a field must hold; all folded."""

    words: str = ""
    fields: dict[str, list[str]] = {}
    isrcs: list[str] = []
    genres: list[str] = []
    years: tuple[int, int] | None = None

    def selection(self) -> Selection:
        """What the catalogue can answer by itself."""
        words = " ".join([self.words, *(word for words in self.fields.values() for word in words)])
        ranges: dict[str, tuple[float | None, float | None]] = {"year": self.years} if self.years else {}
        return Selection(text=words, genres=tuple(self.genres), ranges=ranges)


def terms_of(q: str) -> Terms:
    """Take a search apart; what has no meaning as a field is a plain word."""
    found = Terms()
    words: list[str] = []
    fields: dict[str, list[str]] = {}
    for name, quoted, word in _TERM.findall(q):
        value, field = quoted or word, name.lower()
        years = _YEARS.fullmatch(value) if field == "year" else None
        if years:
            found.years = (int(years[1]), int(years[2] or years[1]))
        elif field == "genre":
            found.genres.append(value)
        elif field == "isrc":
            found.isrcs.append(value.upper())
        elif field in ("track", "artist", "album"):
            fields.setdefault(field, []).extend(folded(value).split())
        else:
            words.append(value)
    found.words, found.fields = " ".join(words), fields
    return found
