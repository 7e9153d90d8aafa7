"""The parameters of requests, bounded in number and size, and what they select."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from workers.catalog.columns import TEXTS
from workers.catalog.rows import FEATURES, LIKELY_TAG, NUMBERS
from workers.catalog.selection import Order, Selection

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Names = Annotated[list[Name], Field(max_length=20)]
TrackId = Annotated[str, StringConstraints(min_length=1, max_length=256)]
# No number that we compare comes near; arrays of 32 bits hold no more than 3e38.
Bound = Annotated[float | None, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]

_PART = r"[01](\.[0-9]{1,4})?"
_CORNER = f"{_PART},{_PART}"
# Each corner costs a look at each track.
Area = Annotated[str, StringConstraints(pattern=f"^({_CORNER};){{2,47}}{_CORNER}$")]

SORTS = (*TEXTS, *NUMBERS)
# Not \w, which is another set in each dialect of regular expressions, and readers of the OpenAPI document have others
# than we. Left out is what is not seen (controls, marks of direction, odd spaces), private use and the rarest scripts.
_LETTER = "0-9A-Z_a-z\u00c0-\u1fff\u200c\u200d\u2c00-\u2fef\u3040-\ud7ff\uf900-\ufdff\ufe70-\ufefc\uff10-\uffdc"
SAVED_NAME = f"^[{_LETTER}][{_LETTER} .'-]{{0,63}}$"
"""Names of saved selections: letters and digits of any language; nothing that means something in a path."""


class FeatureBounds(BaseModel):
    """Bounds of the audio features, both included; a track whose feature is unknown is out of bounds."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    min_danceability: Bound = None
    max_danceability: Bound = None
    min_energy: Bound = None
    max_energy: Bound = None
    min_key: Bound = None
    max_key: Bound = None
    min_loudness: Bound = None
    max_loudness: Bound = None
    min_mode: Bound = None
    max_mode: Bound = None
    min_speechiness: Bound = None
    max_speechiness: Bound = None
    min_acousticness: Bound = None
    max_acousticness: Bound = None
    min_instrumentalness: Bound = None
    max_instrumentalness: Bound = None
    min_liveness: Bound = None
    max_liveness: Bound = None
    min_valence: Bound = None
    max_valence: Bound = None
    min_tempo: Bound = None
    max_tempo: Bound = None
    min_time_signature: Bound = None
    max_time_signature: Bound = None
    min_duration_ms: Bound = None
    max_duration_ms: Bound = None

    def ranges(self) -> dict[str, tuple[float | None, float | None]]:
        """The bounds that are set, by name."""
        return _ranges(self, FEATURES)


class Filters(FeatureBounds):
    """Which tracks; this is what can be saved."""

    genre: Names = []
    """The most likely genre is one of these; may be repeated."""
    not_genre: Names = []
    """The most likely genre is none of these."""
    tag: Names = []
    """Has all of these tags: `happy`, or with its kind, `mood:happy`."""
    not_tag: Names = []
    """Has none of these tags."""
    min_tag: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = LIKELY_TAG
    """How likely a tag must be to count."""
    text: Annotated[str, StringConstraints(max_length=200)] = ""
    """Words of title, artist or album, in any order, without regard to case and accents."""
    unsure: bool | None = None
    """`false` leaves out tracks for which nothing is likely enough to act on."""
    min_confidence: Bound = None
    """How likely the most likely genre must be."""
    max_confidence: Bound = None
    min_year: Bound = None
    max_year: Bound = None
    track: Annotated[list[TrackId], Field(max_length=500)] = []
    """One of these tracks, by id: a selection by hand."""
    area: Area | None = None
    """An area of the map: `energy,valence` of its corners, 3 to 48 of them, `0.1,0.2;0.5,0.2;0.3,0.9`."""

    def selection(self) -> Selection:
        """As the catalogue asks for it."""
        return Selection(
            genres=tuple(self.genre),
            not_genres=tuple(self.not_genre),
            tags=tuple(self.tag),
            not_tags=tuple(self.not_tag),
            min_tag=self.min_tag,
            text=self.text,
            unsure=self.unsure,
            ranges=self.ranges() | _ranges(self, ("year", "confidence")),
            tracks=frozenset(self.track),
            area=_corners(self.area),
        )


class SelectionQuery(Filters):
    """Which tracks, of a saved selection if one is named."""

    saved: Annotated[str, StringConstraints(pattern=f"{SAVED_NAME}|^$")] = ""
    """Of this saved selection; what else is said narrows it."""


class SortedQuery(SelectionQuery):
    """Which tracks, in which order."""

    sort: Annotated[str, StringConstraints(pattern=f"^-?({'|'.join(SORTS)})$")] = "-labeled_at"
    """A number or title, artist, album; with `-` in front descending. Unknown ones come last."""

    def order(self) -> Order:
        """As the catalogue asks for it."""
        return Order(self.sort.removeprefix("-"), descending=self.sort.startswith("-"))


class TracksQuery(SortedQuery):
    """A page of tracks."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    """Tracks on a page."""
    cursor: Annotated[str, StringConstraints(max_length=2000)] = ""
    """`next` of the page before; the rest of the question must be the same."""
    facets: bool = False
    """Whether to count what the whole selection is made of, too."""


class ExportQuery(SortedQuery):
    """A file of tracks."""

    format: Literal["m3u8", "jspf", "csv", "json", "parquet"] = "json"
    """M3U8 and JSPF are playlists, the others hold all that is known."""
    limit: Annotated[int, Field(ge=1, le=200_000)] = 10_000
    """At most so many tracks."""


class SimilarQuery(SelectionQuery):
    """Tracks that are like one."""

    id: TrackId
    """The track to be like."""
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    """How many."""


class RecommendQuery(SelectionQuery):
    """Tracks that are like some tracks, artists and genres, and near some numbers."""

    seed_track: Annotated[list[TrackId], Field(max_length=5)] = []
    """Tracks to be like; with artists and genres one to five in all, unless there are targets."""
    seed_artist: Annotated[list[Name], Field(max_length=5)] = []
    """Artists to be like, by name."""
    seed_genre: Annotated[list[Name], Field(max_length=5)] = []
    """Genres to be like."""
    target_danceability: Bound = None
    target_energy: Bound = None
    target_loudness: Bound = None
    target_speechiness: Bound = None
    target_acousticness: Bound = None
    target_instrumentalness: Bound = None
    target_liveness: Bound = None
    target_valence: Bound = None
    target_tempo: Bound = None
    target_year: Bound = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    """How many."""

    def targets(self) -> dict[str, float]:
        """The numbers to be near, by name."""
        names = [name for name in type(self).model_fields if name.startswith("target_")]
        found = {name.removeprefix("target_"): getattr(self, name) for name in names}
        return {name: value for name, value in found.items() if value is not None}


class TrackQuery(BaseModel):
    """One track."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    id: TrackId
    """Its id."""


def _ranges(query: BaseModel, names: tuple[str, ...]) -> dict[str, tuple[float | None, float | None]]:
    found = {name: (getattr(query, f"min_{name}"), getattr(query, f"max_{name}")) for name in names}
    return {name: bounds for name, bounds in found.items() if bounds != (None, None)}


def _corners(area: str | None) -> tuple[tuple[float, float], ...]:
    corners = (corner.split(",") for corner in area.split(";")) if area else ()
    return tuple((float(across), float(up)) for across, up in corners)
