"""Spotify's dialect: audio features, recommendations, tracks and search, for clients that are pointed at us."""

from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import numpy as np
from fastapi import APIRouter, Path, Query, Request

from schemas.taxonomy import default_taxonomy
from workers.catalog.catalogue import Catalogue
from workers.catalog.columns import Columns, folded
from workers.catalog.recommending import ALIKE, Ingredients, chosen, seed_scores
from workers.catalog.rows import Row
from workers.catalog.selection import Order, Selection, page, selected
from workers.catalog.web.errors import RefusedError, documented
from workers.catalog.web.spotify_objects import Object, Objects
from workers.catalog.web.spotify_queries import (
    MAX_SEEDS,
    IdsQuery,
    RecommendationsQuery,
    SearchQuery,
    Terms,
    ids_in,
    terms_of,
)

PublicId = Annotated[str, Path(pattern="^[0-9A-Za-z]{1,64}$")]
MAX_FEATURES: Final = 100
MAX_TRACKS: Final = 50
_BY_TITLE: Final = Order("title", descending=False)


def spotify_router(catalogue: Catalogue) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1", tags=["Spotify's dialect"])
    unknown: Any = documented(HTTPStatus.NOT_FOUND)

    # spotipy asks with a slash at the end.
    @router.get("/audio-features", operation_id="several_audio_features")
    @router.get("/audio-features/", include_in_schema=False)
    def several_audio_features(request: Request, query: Annotated[IdsQuery, Query()]) -> dict[str, list[Object | None]]:
        """Audio features of up to 100 tracks, null for unknown ones."""
        objects = _objects(request)
        rows = _rows(catalogue, ids_in(query.ids, MAX_FEATURES))
        return {"audio_features": [objects.audio_features(row) if row else None for row in rows]}

    @router.get("/audio-features/{track_id}", responses=unknown)
    def audio_features(request: Request, track_id: PublicId) -> Object:
        """Audio features of a track."""
        return _objects(request).audio_features(_known(catalogue, track_id))

    @router.get("/tracks", operation_id="several_tracks")
    @router.get("/tracks/", include_in_schema=False)
    def several_tracks(request: Request, query: Annotated[IdsQuery, Query()]) -> dict[str, list[Object | None]]:
        """Up to 50 tracks, null for unknown ones."""
        objects = _objects(request)
        rows = _rows(catalogue, ids_in(query.ids, MAX_TRACKS))
        return {"tracks": [objects.track(row) if row else None for row in rows]}

    @router.get("/tracks/{track_id}", responses=unknown)
    def track(request: Request, track_id: PublicId) -> Object:
        """A track."""
        return _objects(request).track(_known(catalogue, track_id))

    @router.get("/recommendations/available-genre-seeds")
    def genre_seeds() -> dict[str, list[str]]:
        """The genres that labels have."""
        with catalogue.reading() as columns:
            words = columns.vocabulary.words[: columns.n_words]
        return {"genres": sorted(word.partition(":")[2] for word in words if word.startswith("genre:"))}

    @router.get("/recommendations")
    def recommendations(request: Request, query: Annotated[RecommendationsQuery, Query()]) -> Object:
        """Tracks that are like one to five tracks, artists and genres, within bounds, near targets."""
        return _recommendations(catalogue, _objects(request), query)

    @router.get("/search")
    def search(request: Request, query: Annotated[SearchQuery, Query()]) -> Object:
        """Tracks by words and fields, in the order of their titles."""
        objects = _objects(request)
        path = "search?" + urlencode({"q": query.q, "type": query.type})
        answer = {
            f"{kind}s": objects.page(path, [], 0, query.limit, query.offset)
            for kind in query.types()
            if kind != "track"
        }
        if "track" in query.types():
            rows, total = _found(catalogue, terms_of(query.q), query)
            items = [objects.track(row) for row in rows]
            answer["tracks"] = objects.page(path, items, total, query.limit, query.offset)
        return answer

    return router


def _objects(request: Request) -> Objects:
    return Objects(str(request.base_url))


def _slot(columns: Columns, public_id: str) -> int | None:
    """Where a track is; of several of one id always the same."""
    return min(columns.tracks.of(public_id), key=lambda slot: int(columns.ties[slot]), default=None)


def _rows(catalogue: Catalogue, ids: list[str]) -> list[Row | None]:
    with catalogue.reading() as columns:
        return [None if (slot := _slot(columns, one)) is None else columns.row(slot) for one in ids]


def _known(catalogue: Catalogue, track_id: str) -> Row:
    [row] = _rows(catalogue, [track_id])
    if row is not None:
        return row
    failure = catalogue.failure(track_id)
    if failure is not None:
        raise RefusedError(HTTPStatus.NOT_FOUND, f"analysis not found: {failure.reason}: {failure.message}")
    raise RefusedError(HTTPStatus.NOT_FOUND, "analysis not found")


def _recommendations(catalogue: Catalogue, objects: Objects, query: RecommendationsQuery) -> Object:
    tracks, artists = ids_in(query.seed_tracks, MAX_SEEDS), ids_in(query.seed_artists, MAX_SEEDS)
    genres = [one.strip() for one in query.seed_genres.split(",") if one.strip()]
    if not 1 <= len(tracks) + len(artists) + len(genres) <= MAX_SEEDS:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST, f"one to {MAX_SEEDS} seeds are needed: seed_tracks, _artists, _genres"
        )
    taxonomy = default_taxonomy()
    with catalogue.reading() as columns:
        slots = [slot for one in tracks if (slot := _slot(columns, one)) is not None]
        names = [columns.row(found[0]).artist for one in artists if (found := columns.artists.of(one))]
        named = [taxonomy.genre_named(genre) or genre for genre in genres]
        ingredients = Ingredients(tuple(slots), tuple(names), tuple(named), query.targets())
        mask = selected(columns, Selection(ranges=query.ranges()))
        scores = seed_scores(columns, ingredients)
        pools = [_pool_sizes(columns, one, mask) for one in scores]
        # An id that is not known has no pool; it does not keep the others from being answered.
        best = chosen(columns, ingredients, scores, mask, query.limit) if scores else []
    kinds = [
        *(("track", one, columns.tracks) for one in tracks),
        *(("artist", one, columns.artists) for one in artists),
        *(("genre", one, None) for one in genres),
    ]
    sizes = iter(pools)
    seeds = [
        objects.seed(kind, one, *(next(sizes) if places is None or places.of(one) else (0, 0)))
        for kind, one, places in kinds
    ]
    return {"seeds": seeds, "tracks": [objects.track(one.row) for one in best]}


def _pool_sizes(columns: Columns, scores: np.ndarray[Any, np.dtype[np.float32]], mask: Any) -> tuple[int, int]:  # noqa: ANN401
    alike = (scores >= ALIKE) & columns.alive
    return int(np.count_nonzero(alike)), int(np.count_nonzero(alike & mask))


def _found(catalogue: Catalogue, terms: Terms, query: SearchQuery) -> tuple[list[Row], int]:
    with catalogue.reading() as columns:
        mask = selected(columns, terms.selection())
        for slot in np.flatnonzero(mask) if terms.fields or terms.isrcs else ():
            mask[slot] = _holds(columns.row(int(slot)), terms)
        slots = page(columns, mask, _BY_TITLE, None, query.offset + query.limit)
        return [columns.row(int(slot)) for slot in slots[query.offset :]], int(np.count_nonzero(mask))


def _holds(row: Row, terms: Terms) -> bool:
    texts = {"track": row.title, "artist": row.artist, "album": row.album}
    in_fields = all(word in folded(texts[name]) for name, words in terms.fields.items() for word in words)
    return in_fields and all(row.isrc.upper() == isrc for isrc in terms.isrcs)
