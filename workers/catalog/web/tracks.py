"""Our API: select, look up, compare, recommend."""

import base64
import binascii
import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query

from workers.catalog.catalogue import Catalogue
from workers.catalog.columns import HISTOGRAMS, TEXTS, Columns
from workers.catalog.recommending import Ingredients, Recommended, recommended
from workers.catalog.rows import Row
from workers.catalog.saved import SavedSelections
from workers.catalog.selection import Facets, Mark, Order, facets, mark_of, page, selected
from workers.catalog.web.errors import RefusedError, documented
from workers.catalog.web.items import (
    FacetsAnswer,
    Histogram,
    Item,
    Page,
    Recommendation,
    Recommendations,
    TrackAnswer,
    item_of,
    recommendation_of,
)
from workers.catalog.web.queries import RecommendQuery, SelectionQuery, SimilarQuery, TrackQuery, TracksQuery
from workers.catalog.web.selections import selections_of

_MAX_SEEDS = 5


def tracks_router(catalogue: Catalogue, saved: SavedSelections) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api", tags=["needledrop"])
    unknown = documented(HTTPStatus.NOT_FOUND)

    @router.get("/tracks", responses=unknown)
    def tracks(query: Annotated[TracksQuery, Query()]) -> Page:
        """A page of the tracks that a selection takes."""
        order = query.order()
        after = _mark(query.cursor, order) if query.cursor else None
        selections = selections_of(query, saved)
        with catalogue.reading() as columns:
            mask = selected(columns, *selections)
            slots = page(columns, mask, order, after, query.limit + 1)
            more = slots.size > query.limit
            shown = slots[: query.limit].tolist()
            rows = [columns.row(slot) for slot in shown]
            following = _cursor(mark_of(columns, shown[-1], order), order) if more else None
            counted = facets(columns, mask, query.min_tag) if query.facets else None
        return Page.model_construct(
            total=int(np.count_nonzero(mask)),
            items=items_of(columns, rows),
            next=following,
            facets=_facets_answer(counted) if counted else None,
        )

    @router.get("/facets", responses=unknown)
    def count(query: Annotated[SelectionQuery, Query()]) -> FacetsAnswer:
        """What the tracks of a selection are made of."""
        selections = selections_of(query, saved)
        with catalogue.reading() as columns:
            return _facets_answer(facets(columns, selected(columns, *selections), query.min_tag))

    @router.get("/track", responses=unknown)
    def track(query: Annotated[TrackQuery, Query()]) -> TrackAnswer:
        """All that is known about one track; of a failed one, why."""
        label, failure = catalogue.label(query.id), catalogue.failure(query.id)
        if label is None and failure is None:
            raise _unknown(query.id)
        return TrackAnswer(id=query.id, status="labeled" if label else "failed", label=label, failure=failure)

    @router.get("/similar", responses=unknown)
    def similar(query: Annotated[SimilarQuery, Query()]) -> Recommendations:
        """The tracks of a selection that are most like one."""
        selections = selections_of(query, saved)
        with catalogue.reading() as columns:
            ingredients = Ingredients(tracks=(known_slot(catalogue, columns, query.id),))
            found = recommended(columns, ingredients, selected(columns, *selections), query.limit)
        return _recommendations(columns, found)

    @router.get("/recommend", responses=unknown)
    def recommend(query: Annotated[RecommendQuery, Query()]) -> Recommendations:
        """The tracks of a selection that are most like some tracks, artists and genres, and near some numbers."""
        n_seeds = len(query.seed_track) + len(query.seed_artist) + len(query.seed_genre)
        targets = query.targets()
        if n_seeds > _MAX_SEEDS or not (n_seeds or targets):
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"one to {_MAX_SEEDS} seeds are needed, or a target_")
        selections = selections_of(query, saved)
        with catalogue.reading() as columns:
            ingredients = Ingredients(
                tracks=tuple(known_slot(catalogue, columns, track_id) for track_id in query.seed_track),
                artists=tuple(query.seed_artist),
                genres=tuple(query.seed_genre),
                targets=targets,
            )
            found = recommended(columns, ingredients, selected(columns, *selections), query.limit)
        return _recommendations(columns, found)

    return router


def items_of(columns: Columns, rows: Sequence[Row]) -> list[Item]:
    """Rows as answers show them; needs no lock, since rows and words do not change."""
    return [item_of(row, columns.vocabulary) for row in rows]


def known_slot(catalogue: Catalogue, columns: Columns, track_id: str) -> int:
    """Where a track is. Raises: RefusedError, which says why it is nowhere."""
    slot = columns.slot_of(track_id)
    if slot is not None:
        return slot
    failure = catalogue.failure(track_id)
    if failure is not None:
        raise RefusedError(HTTPStatus.NOT_FOUND, f"this track has no label: {failure.reason}: {failure.message}")
    raise _unknown(track_id)


def _unknown(track_id: str) -> RefusedError:
    return RefusedError(HTTPStatus.NOT_FOUND, f"no such track: {track_id[:100]}")


def _recommendations(columns: Columns, found: Sequence[Recommended]) -> Recommendations:
    items: list[Recommendation] = [
        recommendation_of(one.row, columns.vocabulary, one.similarity, one.reasons) for one in found
    ]
    return Recommendations.model_construct(items=items)


def _facets_answer(found: Facets) -> FacetsAnswer:
    histograms = {
        name: Histogram(low=low, high=high, counts=found.histograms[name])
        for name, (low, high, _) in HISTOGRAMS.items()
    }
    return FacetsAnswer.model_construct(genres=found.genres, tags=found.tags, histograms=histograms)


def _cursor(mark: Mark, order: Order) -> str:
    text = json.dumps([order.by, order.descending, mark.value, mark.tie])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _mark(cursor: str, order: Order) -> Mark:
    try:
        by, descending, value, tie = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        fits = (by, descending) == (order.by, order.descending) and isinstance(tie, int) and abs(tie) < 2**63
        if fits and (value is None or isinstance(value, str) == (by in TEXTS)):
            return Mark(value if value is None or isinstance(value, str) else float(value), tie)
    except (ValueError, TypeError, binascii.Error, OverflowError):
        pass
    raise RefusedError(HTTPStatus.BAD_REQUEST, "cursor: is not the `next` of this question with this sort")
