"""Serves the view: a page at /, the same as data at /trends.json."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict

from aiohttp import web

from schemas.errors import InvalidSettingError
from shared.settings.trends import TrendsSettings
from workers.trends.page import CONTENT_SECURITY_POLICY, page
from workers.trends.view import View

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def application(current: Callable[[], View]) -> web.Application:
    """The web application; ``current`` is asked at each request."""

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=page(current()), content_type="text/html", headers=_HEADERS)

    async def data(_: web.Request) -> web.Response:
        return web.json_response(asdict(current()), headers=_HEADERS, dumps=json.dumps)

    app = web.Application()
    app.add_routes([web.get("/", show), web.get("/trends.json", data)])
    return app


@asynccontextmanager
async def serving_view(settings: TrendsSettings, current: Callable[[], View]) -> AsyncIterator[str]:
    """Serve while the block runs; gives the address.

    Raises: InvalidSettingError when the port cannot be had.
    """
    # Signals are the command line's, and browsers that keep connections must not delay our end.
    runner = web.AppRunner(application(current), handle_signals=False, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, settings.web_host, settings.web_port).start()
        except OSError as error:
            raise InvalidSettingError(
                f"NEEDLEDROP_TRENDS_WEB_HOST, NEEDLEDROP_TRENDS_WEB_PORT: cannot listen on "
                f"{settings.web_host}:{settings.web_port}: {error.strerror}"
            ) from None
        yield f"http://{settings.web_host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
