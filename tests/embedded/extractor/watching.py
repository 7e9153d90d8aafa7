"""Who opened or connected to what: a server that counts, a watch on files, an ear on this interpreter's own calls."""

import ctypes
import os
import socket
import socketserver
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_IN_OPEN = 0x20  # Linux: sys/inotify.h
_heard: list[tuple[str, str]] | None = None


class CountingServer(socketserver.ThreadingTCPServer):
    """Counts whoever connects; answers what ``answer`` makes of the path."""

    daemon_threads = True

    def __init__(self, answer: Callable[[str], bytes]) -> None:
        super().__init__(("0.0.0.0", 0), _Answering)
        self.answer = answer
        self.paths: list[str] = []
        self.n_connections = 0
        self.port = int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        accepted = super().get_request()
        self.n_connections += 1
        return accepted


class _Answering(socketserver.BaseRequestHandler):
    server: CountingServer

    def handle(self) -> None:
        self.request.settimeout(5.0)
        with suppress(OSError, IndexError):
            path = self.request.recv(65_536).split(b" ")[1].decode()
            self.server.paths.append(path)
            self.request.sendall(self.server.answer(path))


@contextmanager
def counting_server(answer: Callable[[str], bytes]) -> Iterator[CountingServer]:
    """On every IPv4 address of the machine, so that 127.0.0.2 reaches it, too."""
    with CountingServer(answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def opened(paths: Sequence[Path]) -> Iterator[list[str]]:
    """The names of files that anybody opened inside the block, C libraries included; empty elsewhere than on Linux."""
    names: list[str] = []
    if sys.platform != "linux":
        yield names
        return
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    by_number = {libc.inotify_add_watch(watch, os.fsencode(path), _IN_OPEN): path.name for path in paths}
    assert -1 not in by_number
    try:
        yield names
        with suppress(BlockingIOError):
            while events := os.read(watch, 65_536):
                while events:
                    number, _, _, length = struct.unpack_from("iIII", events)
                    names.append(by_number[number])
                    events = events[16 + length :]
    finally:
        os.close(watch)


@contextmanager
def heard() -> Iterator[list[tuple[str, str]]]:
    """What Python code of this interpreter opened and connected to inside the block: (event, path or address)."""
    global _heard  # noqa: PLW0603 - an audit hook is for life, so there is one, which listens now and then
    if _heard is None:
        sys.addaudithook(_listen)
    found: list[tuple[str, str]] = []
    _heard = found
    try:
        yield found
    finally:
        _heard = []


def _listen(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("open", "socket.connect", "socket.sendto") and _heard is not None:
        _heard.append((event, str(arguments[0] if event == "open" else arguments[1])))
