"""A web server with audio that is slow when told, and refuses each new path once where its name says so."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FLAKY = "flaky"
# A trickle: never silent for as long as a client waits, never done.
_TRICKLE_BYTES = 256
_TRICKLE_EVERY_S = 0.25


class AudioHost:
    """Serves one file under every path."""

    def __init__(self, audio: Path) -> None:
        self._audio = audio.read_bytes()
        self._refused: set[str] = set()
        self._quick = threading.Event()
        self._quick.set()
        self.address = ""

    def become_slow(self) -> None:
        """Send every file in a trickle from now on."""
        self._quick.clear()

    def become_quick(self) -> None:
        """Send the rest at once."""
        self._quick.set()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """The file; its sender may go away meanwhile."""
        if FLAKY in request.path and request.path not in self._refused:
            self._refused.add(request.path)
            request.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        request.send_response(HTTPStatus.OK)
        request.send_header("Content-Length", str(len(self._audio)))
        request.end_headers()
        n_sent = 0
        while n_sent < len(self._audio) and not self._quick.wait(_TRICKLE_EVERY_S):
            request.wfile.write(self._audio[n_sent : n_sent + _TRICKLE_BYTES])
            n_sent += _TRICKLE_BYTES
        request.wfile.write(self._audio[n_sent:])


@contextmanager
def audio_host(audio: Path) -> Iterator[AudioHost]:
    """Serve it on 127.0.0.1 while the block runs."""
    host = AudioHost(audio)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(OSError):
                host.answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in http.server
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        host.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield host
        finally:
            host.become_quick()
            server.shutdown()
            thread.join()
