"""What pages look at all the time: the map of a selection, and labels as they come (server-sent events)."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from workers.catalog.catalogue import Catalogue
from workers.catalog.mapping import map_of
from workers.catalog.saved import SavedSelections
from workers.catalog.selection import selected
from workers.catalog.web.errors import RefusedError, documented
from workers.catalog.web.items import item_of
from workers.catalog.web.queries import SelectionQuery
from workers.catalog.web.selections import selections_of

_MAP_TYPE: Final = "application/octet-stream"
# Soon enough to seem at once; seldom enough for many pages.
_LOOK_EVERY_S: Final = 0.5
# Proxies hang up on what is silent for a minute.
_SIGN_OF_LIFE_S: Final = 15.0
# A page comes back by itself: nothing is held for ever.
_STREAM_ENDS_AFTER_S: Final = 1800.0
# Each keeps one of the server's 200 connections.
_MAX_STREAMS: Final = 64


def watching_router(catalogue: Catalogue, saved: SavedSelections, closing: threading.Event) -> APIRouter:
    """The routes; streams end when ``closing`` is set."""
    router = APIRouter(prefix="/api", tags=["needledrop"])
    streams = threading.BoundedSemaphore(_MAX_STREAMS)
    contents: dict[int | str, dict[str, Any]] = {200: {"content": {_MAP_TYPE: {}}, "description": "The map."}}

    @router.get("/map", response_class=Response, responses=contents | documented(HTTPStatus.NOT_FOUND))
    def mapped(query: Annotated[SelectionQuery, Query()]) -> Response:
        """Where the tracks of a selection lie by energy and valence, and their genres: docs/choosing.md."""
        selections = selections_of(query, saved)
        with catalogue.reading() as columns:
            content = map_of(columns, selected(columns, *selections))
        return Response(content, media_type=_MAP_TYPE)

    # Not in the OpenAPI document: its readers wait for the end of an answer.
    @router.get("/arrivals", include_in_schema=False)
    async def arrivals() -> StreamingResponse:
        """How many tracks were labeled, and the newest, whenever there are any; the total when some went."""
        if not streams.acquire(blocking=False):
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "too many watch already")
        return StreamingResponse(_events(catalogue, closing, streams), media_type="text/event-stream")

    return router


async def _events(
    catalogue: Catalogue, closing: threading.Event, streams: threading.BoundedSemaphore
) -> AsyncIterator[str]:
    try:
        seen, _ = catalogue.arrivals.since(None)
        with catalogue.reading() as columns:
            vocabulary = columns.vocabulary
        ends_at = time.monotonic() + _STREAM_ENDS_AFTER_S
        told, sign_at = -1, 0.0
        while not closing.is_set() and (now := time.monotonic()) < ends_at:
            n, rows = catalogue.arrivals.since(seen)
            total = catalogue.n_tracks
            if (n, total) != (seen, told) or now >= sign_at:
                sign_at = now + _SIGN_OF_LIFE_S
                items = [item_of(row, vocabulary).model_dump(mode="json") for row in rows]
                event = {"total": total, "labeled": n - seen, "items": items}
                yield f"data: {json.dumps(event)}\n\n"
                seen, told = n, total
            await asyncio.sleep(_LOOK_EVERY_S)
    finally:
        streams.release()
