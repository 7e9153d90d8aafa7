"""Selections as files to take away."""

import threading
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import Response

from workers.catalog.catalogue import Catalogue
from workers.catalog.exports import FORMATS, table
from workers.catalog.saved import SavedSelections
from workers.catalog.selection import page, selected
from workers.catalog.web.errors import documented
from workers.catalog.web.queries import ExportQuery
from workers.catalog.web.selections import selections_of

# One at a time: a large one takes seconds of a core and 100 MB.
_TURN: Final = threading.Semaphore(1)


def exporting_router(catalogue: Catalogue, saved: SavedSelections) -> APIRouter:
    """The route."""
    router = APIRouter(prefix="/api", tags=["needledrop"])
    contents: dict[str, Any] = {kind.partition(";")[0]: {} for kind, _ in FORMATS.values()}

    responses: dict[int | str, dict[str, Any]] = {200: {"content": contents, "description": "The file."}}

    @router.get("/export", response_class=Response, responses=responses | documented(HTTPStatus.NOT_FOUND))
    def export(query: Annotated[ExportQuery, Query()]) -> Response:
        """The tracks of a selection as a file."""
        media_type, write = FORMATS[query.format]
        selections = selections_of(query, saved)
        with _TURN:
            with catalogue.reading() as columns:
                slots = page(columns, selected(columns, *selections), query.order(), None, query.limit)
                rows = [columns.row(int(slot)) for slot in slots]
            content = write(table(rows, columns.vocabulary))
        name = f'attachment; filename="needledrop.{query.format}"'
        return Response(content, media_type=media_type, headers={"content-disposition": name})

    return router
