"""Saved selections: make, list, read, delete; and what a request that names one selects."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import ConfigDict, ValidationError

from workers.catalog.saved import Saved, SavedSelections, TooManyError
from workers.catalog.selection import Selection
from workers.catalog.web.errors import RefusedError, documented
from workers.catalog.web.items import Answer
from workers.catalog.web.queries import SAVED_NAME, Filters, SelectionQuery

SavedName = Annotated[str, Path(pattern=SAVED_NAME)]


class WrittenFilters(Filters):
    """Which tracks, as JSON: a number is a number there, not a word or `true`."""

    model_config = ConfigDict(strict=True)


class SavedAnswer(Answer):
    """A saved selection."""

    name: str
    query: dict[str, Any]
    """The parameters it was saved with: those of /api/tracks that say which tracks."""
    saved_at: str


class SavedAnswers(Answer):
    """All saved selections, by name."""

    items: list[SavedAnswer]


def selections_router(saved: SavedSelections) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/selections", tags=["needledrop"])
    unknown = documented(HTTPStatus.NOT_FOUND)

    @router.get("")
    def list_selections() -> SavedAnswers:
        """All saved selections."""
        return SavedAnswers(items=[_answer(one) for one in saved.all()])

    @router.get("/{name}", responses=unknown)
    def read_selection(name: SavedName) -> SavedAnswer:
        """One of them."""
        return _answer(_known(saved, name))

    @router.put("/{name}", responses=documented(HTTPStatus.CONFLICT))
    def save_selection(name: SavedName, query: WrittenFilters) -> SavedAnswer:
        """Save a selection under a name, in place of an earlier one; `saved=NAME` then uses it."""
        try:
            return _answer(saved.put(name, query.model_dump(mode="json", exclude_unset=True)))
        except TooManyError as error:
            raise RefusedError(HTTPStatus.CONFLICT, str(error)) from None

    @router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT, responses=unknown)
    def delete_selection(name: SavedName) -> Response:
        """Forget one."""
        if not saved.delete(name):
            raise _unknown(name)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return router


def selections_of(query: SelectionQuery, saved: SavedSelections) -> list[Selection]:
    """What a request selects, and what the saved selection does that it names: a track must be in both.

    Raises: RefusedError for a name that is not known.
    """
    own = [query.selection()]
    if not query.saved:
        return own
    one = _known(saved, query.saved)
    try:
        return [*own, Filters.model_validate(one.query).selection()]
    except ValidationError:
        message = f"saved: {one.name} was saved by another version of needledrop; save it again"
        raise RefusedError(HTTPStatus.NOT_FOUND, message) from None


def _known(saved: SavedSelections, name: str) -> Saved:
    one = saved.get(name)
    if one is None:
        raise _unknown(name)
    return one


def _unknown(name: str) -> RefusedError:
    return RefusedError(HTTPStatus.NOT_FOUND, f"no such saved selection: {name}")


def _answer(one: Saved) -> SavedAnswer:
    return SavedAnswer(name=one.name, query=one.query, saved_at=one.saved_at)
