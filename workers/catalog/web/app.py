"""The web application, and the server that runs it."""

import contextlib
import logging
import socket
import threading
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from schemas.errors import InvalidSettingError
from shared.metrics.catalog import CatalogMetrics
from shared.settings.catalog import CatalogSettings
from workers.catalog.catalogue import Catalogue
from workers.catalog.saved import SavedSelections
from workers.catalog.web.doors import Doors
from workers.catalog.web.errors import answer_errors, documented
from workers.catalog.web.exporting import exporting_router
from workers.catalog.web.pages import pages_router
from workers.catalog.web.patience import PatientProtocol
from workers.catalog.web.previews import previews_router
from workers.catalog.web.selections import selections_router
from workers.catalog.web.spotify import spotify_router
from workers.catalog.web.tracks import tracks_router
from workers.catalog.web.watching import watching_router

log = logging.getLogger("needledrop.catalog")

_DESCRIPTION: Final = "Choose music by its labels: genres, tags and audio features. See docs/choosing.md."
# Connections beyond these are told to come back (503); each costs some 50 kB.
_MAX_CONNECTIONS: Final = 200
_STOPS_WITHIN_S: Final = 5


def application(
    catalogue: Catalogue,
    saved: SavedSelections,
    settings: CatalogSettings,
    roots: Sequence[Path],
    metrics: CatalogMetrics,
) -> FastAPI:
    """The application; ``roots`` are the folders that previews come from."""
    refusals = documented(HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)
    app = FastAPI(
        title="needledrop catalog",
        description=_DESCRIPTION,
        version=version("needledrop"),
        docs_url=None,  # their pages load scripts from other people's servers
        redoc_url=None,
        responses=refusals,
    )
    app.include_router(tracks_router(catalogue, saved))
    app.include_router(exporting_router(catalogue, saved))
    app.include_router(selections_router(saved))
    app.include_router(spotify_router(catalogue))
    app.state.closing = threading.Event()
    app.include_router(watching_router(catalogue, saved, app.state.closing))
    app.include_router(pages_router())
    if settings.audio:
        app.include_router(previews_router(catalogue, roots))
    answer_errors(app)
    _document(app, needs_token=bool(settings.callers))
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(settings.origins),
            allow_methods=["GET"],  # to save selections is for our own page and for programs
            allow_headers=["Authorization"],
        )
    app.add_middleware(Doors, settings=settings, metrics=metrics)
    return app


def _document(app: FastAPI, *, needs_token: bool) -> None:
    """Have the OpenAPI document say what is true: wrong parameters are 400 here, and a token may be needed."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            for methods in document["paths"].values():
                for operation in methods.values():
                    operation["responses"].pop(str(HTTPStatus.UNPROCESSABLE_ENTITY.value), None)
            components = document.setdefault("components", {})
            for name in ("HTTPValidationError", "ValidationError"):
                components.get("schemas", {}).pop(name, None)
            if needs_token:
                components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
                document["security"] = [{"token": []}]
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation does it


def listening(host: str, port: int) -> socket.socket:
    """A socket to take connections from, which send without delay. Raises: OSError."""
    listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    # asyncio sets it only for sockets that were made with their protocol's number, and create_server's are not. An
    # answer goes out in two parts, and the second would wait for the client's delayed acknowledgement: 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@contextlib.contextmanager
def serving(app: FastAPI, host: str, port: int) -> Iterator[str]:
    """Serve ``app`` from a thread while the block runs; gives the address.

    Raises: InvalidSettingError when the port cannot be had.
    """
    try:
        listener = listening(host, port)
    except OSError as error:
        raise InvalidSettingError(
            f"NEEDLEDROP_CATALOG_WEB_HOST, NEEDLEDROP_CATALOG_WEB_PORT: cannot listen on {host}:{port}: "
            f"{error.strerror}"
        ) from None
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_graceful_shutdown=_STOPS_WITHIN_S,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web", daemon=True)
    thread.start()
    address = f"http://{host}:{listener.getsockname()[1]}"
    log.info("serving", extra={"address": address})
    try:
        yield address
    finally:
        app.state.closing.set()
        server.should_exit = True
        thread.join(_STOPS_WITHIN_S + 2)
        listener.close()
