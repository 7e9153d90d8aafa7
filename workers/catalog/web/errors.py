"""Refusals: one shape for our API and Spotify's dialect, `{"error": {"status": 404, "message": "..."}}`."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from schemas.errors import NeedledropError

_SHOWN_FAULTS = 3
_SHOWN_CHARACTERS = 200


class Refusal(BaseModel):
    """Why a request was refused."""

    status: int
    """The HTTP status."""
    message: str
    """One line that names what is wrong and what to do."""


class Refused(BaseModel):
    """The body of every answer that is no success."""

    error: Refusal


class RefusedError(NeedledropError):
    """A request that is refused with a status and one line."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer."""
    body = Refused(error=Refusal(status=status, message=message[:_SHOWN_CHARACTERS]))
    return JSONResponse(body.model_dump(), status, headers)


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """These refusals as FastAPI documents them."""
    return {status.value: {"model": Refused, "description": status.phrase} for status in statuses}


def answer_errors(app: FastAPI) -> None:
    """Give all errors of ``app`` the one shape."""

    async def on_validation(_: Request, error: Exception) -> JSONResponse:
        faults = error.errors() if isinstance(error, RequestValidationError) else []
        lines = [f"{_place(fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}" for fault in faults]
        return refusal(HTTPStatus.BAD_REQUEST, "; ".join(lines[:_SHOWN_FAULTS]))

    async def on_refused(_: Request, error: Exception) -> JSONResponse:
        status = error.status if isinstance(error, RefusedError) else HTTPStatus.INTERNAL_SERVER_ERROR
        return refusal(status, str(error))

    async def on_http(_: Request, error: Exception) -> JSONResponse:
        status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
        headers = error.headers if isinstance(error, HTTPException) else None
        return refusal(status, HTTPStatus(status).phrase, headers)

    async def on_bug(_: Request, _error: Exception) -> JSONResponse:
        return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of the catalog's; its log has the rest")

    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(RefusedError, on_refused)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_bug)


def _place(parts: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:64] for part in parts[1:]) or str(parts[0])
