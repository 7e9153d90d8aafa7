"""A server whose answers are whatever bytes it was given."""

import socket
import socketserver
from contextlib import suppress


class SpoilingServer(socketserver.ThreadingTCPServer):
    """Answers whatever it was given for a path, byte for byte, and closes."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.answers: dict[bytes, bytes] = {}
        self.uri = f"http://127.0.0.1:{self.server_address[1]}/"

    def serving(self, number: int, answer: bytes) -> str:
        self.answers[b"/%d" % number] = answer
        return f"{self.uri}{number}"


class _Answer(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.settimeout(5.0)
        with suppress(OSError, IndexError):
            asked: bytes = self.request.recv(65_536)
            self.request.sendall(self.server.answers.pop(asked.split(b" ")[1], b""))  # type: ignore[attr-defined]
            self.request.shutdown(socket.SHUT_RDWR)
