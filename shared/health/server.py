"""Serves /metrics, /livez and /readyz of one process, from a thread of its own."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from schemas.errors import InvalidSettingError, NeedledropError
from shared.metrics.exposition import CONTENT_TYPE, Registry, exposition
from shared.settings.workers import HttpSettings

log = logging.getLogger("needledrop.health")

Check = Callable[[], str | None]
"""None when all is well, else what is wrong."""

_REQUEST_TIMEOUT_S = 10.0
# Longer than Prometheus' usual 15 s between two looks, shorter than what a supervisor waits anyway.
_LAST_LOOK_WITHIN_S = 20.0


@contextmanager
def serving_health(settings: HttpSettings, registry: Registry, *, live: Check, ready: Check) -> Iterator[str]:
    """Serve while the block runs; gives the address.

    When an error ends the block, whoever has been reading /metrics gets to read once more, within 20 s: that a worker
    was fenced is in no number of its successor.

    Raises: InvalidSettingError when the port cannot be had.
    """
    looks = _Looks()

    class Handler(BaseHTTPRequestHandler):
        timeout = _REQUEST_TIMEOUT_S

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(HTTPStatus.OK, CONTENT_TYPE, exposition(registry))
                looks.note()
            elif path in ("/livez", "/readyz"):
                fault = (live if path == "/livez" else ready)()
                status = HTTPStatus.OK if fault is None else HTTPStatus.SERVICE_UNAVAILABLE
                self._answer(status, "text/plain; charset=utf-8", f"{fault or 'ok'}\n".encode())
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"/metrics /livez /readyz\n")

        def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in http.server
            log.debug(format, *args)

    try:
        server = ThreadingHTTPServer((settings.host, settings.port), Handler)
    except OSError as error:
        raise InvalidSettingError(
            f"NEEDLEDROP_HTTP_HOST, NEEDLEDROP_HTTP_PORT: cannot listen on {settings.host}:{settings.port}: "
            f"{error.strerror}"
        ) from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()
    address = f"http://{settings.host}:{server.server_address[1]}"
    log.info("serving /metrics, /livez, /readyz", extra={"address": address})
    try:
        yield address
    except NeedledropError:
        looks.wait_for_one_more(_LAST_LOOK_WITHIN_S)
        raise
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Looks:
    """Whether anybody reads our metrics."""

    def __init__(self) -> None:
        self._looked = threading.Event()

    def note(self) -> None:
        self._looked.set()

    def wait_for_one_more(self, within_s: float) -> None:
        if self._looked.is_set():
            self._looked.clear()
            self._looked.wait(within_s)
