"""The audio of a track, from media roots only, with HTTP ranges."""

import mimetypes
import urllib.parse
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse

from workers.catalog.catalogue import Catalogue
from workers.catalog.web.errors import RefusedError, documented
from workers.catalog.web.queries import TrackQuery
from workers.catalog.web.tracks import known_slot

# What mimetypes does not know everywhere.
_TYPES: Final = {
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".aac": "audio/aac",
}


def previews_router(catalogue: Catalogue, roots: Sequence[Path]) -> APIRouter:
    """The route."""
    router = APIRouter(prefix="/api", tags=["needledrop"])
    responses = documented(HTTPStatus.NOT_FOUND) | {
        200: {"content": {"audio/*": {}}, "description": "The file."},
        206: {"content": {"audio/*": {}}, "description": "The asked ranges of it."},
        416: {"description": "There is no such range."},
    }

    @router.get("/audio", response_class=FileResponse, responses=responses)
    def audio(query: Annotated[TrackQuery, Query()]) -> FileResponse:
        """The file that a track was labeled from, if it lies in a media root of ours."""
        with catalogue.reading() as columns:
            uri = columns.row(known_slot(catalogue, columns, query.id)).uri
        file = local_audio(uri, roots)
        if file is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "no preview: its file is in no media root of this catalog")
        path, media_type = file
        return FileResponse(path, media_type=media_type, headers={"cache-control": "private, max-age=3600"})

    return router


def local_audio(uri: str, roots: Sequence[Path]) -> tuple[Path, str] | None:
    """The file of a file:// URI and its type, None unless it is audio that really lies in one of ``roots``."""
    parts = urllib.parse.urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        return None
    try:
        # Links are followed first: what counts is where a file really is.
        path = Path(urllib.parse.unquote(parts.path)).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        return None
    suffix = path.suffix.lower()
    media_type = _TYPES.get(suffix) or mimetypes.guess_type(path.name)[0] or ""
    is_ours = path.is_file() and any(path.is_relative_to(root) for root in roots)
    return (path, media_type) if is_ours and media_type.startswith("audio/") else None
