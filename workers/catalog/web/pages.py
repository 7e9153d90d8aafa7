"""The page for choosing music and the plain mode: files of this package, served as they are."""

import mimetypes
from hashlib import blake2b
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

_FOLDER: Final = Path(__file__).with_name("page")
_ENTRANCES: Final = {"/": "index.html", "/plain": "plain/index.html", "/plain/setup": "plain/setup.html"}
# Not known to mimetypes everywhere.
_TYPES: Final = {".js": "text/javascript", ".woff2": "font/woff2", ".svg": "image/svg+xml"}
_HEADERS: Final = {
    # Nothing from anybody else, no inline code; blob: is audio that was fetched with a token.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-cache",  # kept, but asked about: a new version shows at once
}


def pages_router() -> APIRouter:
    """The routes. All files are read now, so that no path of a request ever meets the file system."""
    router = APIRouter(include_in_schema=False)
    files = {str(path.relative_to(_FOLDER)): path for path in _FOLDER.rglob("*") if path.suffix}
    for entrance, name in _ENTRANCES.items():
        _route(router, entrance, files.pop(name))
    for name, path in files.items():
        _route(router, f"/page/{name}", path)
    return router


def _route(router: APIRouter, address: str, path: Path) -> None:
    content = path.read_bytes()
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    headers = {**_HEADERS, "etag": f'"{blake2b(content, digest_size=8).hexdigest()}"'}

    def file(request: Request) -> Response:
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=media_type, headers=headers)

    router.add_api_route(address, file, methods=["GET", "HEAD"], response_class=Response)
