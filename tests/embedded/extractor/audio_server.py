"""A web server that gives audio, or what is none, or nothing at all."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

AUDIO = b"not really music" * 50_000


class _Handler(BaseHTTPRequestHandler):
    """``/status/404``, ``/redirect/3`` (three times), ``/to?URL``, ``/drip`` and so on."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[dict[str, str]]]
    stop: ClassVar[threading.Event]

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.seen.append({name.lower(): value for name, value in self.headers.items()} | {":path": self.path})
        action, _, argument = self.path.removeprefix("/").partition("/")
        getattr(self, f"_{action.partition('?')[0]}")(argument)

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _audio(self, _: str) -> None:
        self._answer(200, AUDIO, Content_Type="audio/mpeg")

    def _status(self, status: str) -> None:
        self._answer(int(status.partition("?")[0]))

    def _redirect(self, n_more: str) -> None:
        self._answer(302, b"moved", Location="/audio" if n_more == "1" else f"{int(n_more) - 1}")

    def _to(self, _: str) -> None:
        self._answer(307, Location=self.path.partition("?")[2])

    def _nowhere(self, _: str) -> None:
        self._answer(302)

    def _chunked(self, _: str) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _chunk in range(100):
            self.wfile.write(b"2710\r\n" + bytes(10_000) + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def _zipped(self, _: str) -> None:
        self._answer(200, gzip.compress(bytes(10_000_000)), Content_Encoding="gzip")

    def _playlist(self, _: str) -> None:
        self._answer(200, b"#EXTM3U\n", Content_Type="application/vnd.apple.mpegurl; charset=utf-8")

    def _claims(self, n_bytes: str) -> None:
        self._answer(200, b"x", Content_Length=n_bytes)
        self.close_connection = True

    def _silent(self, _: str) -> None:
        self.stop.wait(10.0)

    def _drip(self, what: str) -> None:
        """One byte at a time: headers that never end, or a body."""
        start = (
            b"HTTP/1.1 200 OK\r\nX-Long: " if what == "headers" else b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"
        )
        self.wfile.write(start)
        while not self.stop.wait(0.05):
            self.wfile.write(b"x")

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()


@contextmanager
def serving(seen: list[dict[str, str]]) -> Iterator[str]:
    """The base URL of a server on 127.0.0.1 that notes the headers and paths of requests in ``seen``."""
    handler = type("Handler", (_Handler,), {"seen": seen, "stop": threading.Event()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        handler.stop.set()  # type: ignore[attr-defined]  # of the type made above
        running.shutdown()
        thread.join(5.0)
