"""A server that says back the secrets it was sent, wherever an answer has room for them."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# In every place of a URI where somebody may put a secret. (A path is not one: it names the track.)
CANARIES = {name: f"canary-{name}-7f3a" for name in ("user", "password", "signature", "token", "fragment", "aws")}


class _Telltale(socketserver.StreamRequestHandler):
    """Says back what it was asked, wherever an answer has room for it."""

    def handle(self) -> None:
        with suppress(OSError, ValueError, LookupError, AttributeError):  # a TLS handshake is no request
            lines = [self.rfile.readline().strip()]
            while line := self.rfile.readline().strip():
                lines.append(line)
            asked, target = b" ".join(lines), lines[0].split(b" ")[1]
            path = target.partition(b"?")[0].strip(b"/").decode()
            self.wfile.write(getattr(self, f"_{path}")(asked, target))

    def _missing(self, asked: bytes, target: bytes) -> bytes:
        return b"HTTP/1.1 404 " + asked + b"\r\nContent-Length: 0\r\n\r\n"

    def _echo(self, asked: bytes, target: bytes) -> bytes:
        return asked + b"\r\n\r\n"

    def _broken(self, asked: bytes, target: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: " + asked + b"\r\n\r\n"

    def _encoded(self, asked: bytes, target: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Encoding: " + target.partition(b"Signature=")[2] + b"\r\n\r\n"

    def _playlist(self, asked: bytes, target: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Type: audio/x-mpegurl; x=" + target + b"\r\nContent-Length: 0\r\n\r\n"

    def _moved(self, asked: bytes, target: bytes) -> bytes:
        location = (
            b"ftp://" + CANARIES["user"].encode() + b":" + CANARIES["password"].encode() + b"@example.org" + target
        )
        return b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n"

    def _text(self, asked: bytes, target: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(asked) + asked


@contextmanager
def telltale_server() -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Telltale) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
