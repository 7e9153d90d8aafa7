"""Who may ask, how often and how much: in front of every route."""

import asyncio
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.metrics.catalog import CatalogMetrics
from shared.settings.catalog import CatalogSettings
from workers.catalog.web.errors import refusal

log = logging.getLogger("needledrop.access")

MAX_BODY_BYTES: Final = 64 * 1024
# Whoever reads no byte for so long is hung up on.
_READ_WITHIN_S: Final = 30.0
# A body is a saved selection, at most MAX_BODY_BYTES.
_BODY_WITHIN_S: Final = 10.0
# A burst is what a page asks for when it opens.
_BURST_S: Final = 4.0
_MAX_CLIENTS: Final = 10_000
_DIGITS: Final = 12
_GUARDED: Final = ("/api", "/v1")
_HEADERS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


def hash_of(token: str) -> str:
    """What settings keep of a token. Tokens are random and long, so a plain hash does."""
    return sha256(token.encode()).hexdigest()


class Buckets:
    """Token buckets by client: so many requests a second over a while, some more at once."""

    def __init__(self, rate_per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate_per_s
        self._burst = max(rate_per_s * _BURST_S, 1.0)
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str) -> float:
        """Take one; 0, or seconds until there is one again."""
        now = self._clock()
        left, since = self._left.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        allowed = left >= 1
        self._left[client] = (left - 1 if allowed else left, now)
        if len(self._left) > _MAX_CLIENTS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate


class Doors:
    """ASGI middleware: host, rate, token, size and time of bodies, patience with readers, access log and metrics."""

    def __init__(self, app: ASGIApp, settings: CatalogSettings, metrics: CatalogMetrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._buckets = Buckets(settings.requests_per_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *_missing(message)]
            async with asyncio.timeout(_READ_WITHIN_S):
                await send(message)

        try:
            refused = self._refusal(scope)
            if refused is not None:
                await refused(scope, receive, sending)
            else:
                await self._app(scope, _bounded(receive), sending)
        except TimeoutError:
            log.info("hung up on a reader that takes nothing", extra={"path": scope["path"][:200]})
        finally:
            self._note(scope, status, time.perf_counter() - started)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if not self._is_our_name(headers.get(b"host", "")):
            return refusal(HTTPStatus.BAD_REQUEST, "not addressed to a name in NEEDLEDROP_CATALOG_HOSTS")
        scheme, _, token = headers.get(b"authorization", "").partition(" ")
        known = scheme.lower() == "bearer" and self._is_known(token.strip())
        client = hash_of(token.strip()) if known else (scope.get("client") or ("",))[0]
        wait_s = self._buckets.wait_s(client)
        if wait_s:
            retry = {"retry-after": str(int(wait_s) + 1)}
            return refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many requests; see Retry-After", retry)
        if scope["path"].startswith(_GUARDED) and self._settings.callers and not known:
            challenge = {"www-authenticate": "Bearer"}
            return refusal(HTTPStatus.UNAUTHORIZED, "a valid token is needed: Authorization: Bearer ...", challenge)
        length = headers.get(b"content-length", "0")
        if not length.isdecimal() or len(length) > _DIGITS or int(length) > MAX_BODY_BYTES:
            return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_BODY_BYTES} bytes")
        return None

    def _is_our_name(self, host: str) -> bool:
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        return "*" in self._settings.hosts or name.lower() in self._settings.hosts

    def _is_known(self, token: str) -> bool:
        presented = hash_of(token)
        return any(hmac.compare_digest(presented, one) for one in self._settings.callers)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.request(route, status, seconds)
        log.info(
            "request",
            extra={
                "method": scope["method"],
                "path": scope["path"][:200],  # without the query: what people search for is theirs
                "status": status,
                "ms": round(seconds * 1000, 1),
                "client": (scope.get("client") or ("",))[0],
            },
        )


def _missing(message: MutableMapping[str, Any]) -> list[tuple[bytes, bytes]]:
    present = {name.lower() for name, _ in message.get("headers", [])}
    return [(name, value) for name, value in _HEADERS if name not in present]


def _bounded(receive: Receive) -> Receive:
    n_bytes, is_whole = 0, False
    until = asyncio.get_running_loop().time() + _BODY_WITHIN_S

    async def receiving() -> Message:
        nonlocal n_bytes, is_whole
        if is_whole:  # what comes now is that the client has gone, whenever
            return await receive()
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        is_whole = not message.get("more_body", False)
        n_bytes += len(message.get("body", b""))
        # Only bodies without a length get so far.
        return {"type": "http.disconnect"} if n_bytes > MAX_BODY_BYTES else message

    return receiving
