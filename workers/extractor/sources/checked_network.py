"""The network as downloads may use it: checked addresses only, and no byte after the deadline.

The check is where the connection is made, so a name that resolves anew between check and connection (DNS rebinding)
gains nothing, while the Host header and the certificate still belong to the name.
"""

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from socket import SOCK_STREAM, gaierror, getaddrinfo
from typing import TypeAlias

import httpcore

from schemas.errors import UnreachableError, UriRefusedError
from shared.settings.media import MediaSettings
from workers.extractor.sources.doors import Address, address_fault

Resolve: TypeAlias = Callable[[str, int], list[Address]]

_MAX_ADDRESSES_TRIED = 3  # a name with many dead addresses must not cost many timeouts


def resolved(host: str, port: int) -> list[Address]:
    """The addresses of a host, as the system orders them. Raises: UnreachableError when it has none."""
    try:
        found = getaddrinfo(host, port, type=SOCK_STREAM)
    except (gaierror, UnicodeError) as error:
        raise UnreachableError(f"the address of {host} is not known: {error}") from None
    return [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


class Deadlines:
    """Each thread's own deadline, in seconds of ``time.monotonic``."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """What this thread does inside must be done in so many seconds."""
        self._of_thread.at_s = time.monotonic() + seconds
        try:
            yield
        finally:
            del self._of_thread.at_s

    def remaining_s(self, timeout_s: float | None) -> float:
        """The time for one step: what is left, at most ``timeout_s``; 0 or less when the deadline has passed."""
        left_s: float = self._of_thread.at_s - time.monotonic()
        return left_s if timeout_s is None else min(left_s, timeout_s)


class CheckedNetwork(httpcore.NetworkBackend):
    """Makes httpcore's connections."""

    def __init__(self, settings: MediaSettings, deadlines: Deadlines, resolve: Resolve = resolved) -> None:
        self._settings = settings
        self._deadlines = deadlines
        self._resolve = resolve
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers, if all of the host's addresses are allowed.

        Raises: UriRefusedError, UnreachableError, httpcore's errors.
        """
        addresses = self._resolve(host, port)
        for address in addresses:
            if fault := address_fault(address, self._settings):
                raise UriRefusedError(f"{host}: {fault}")
        failure: Exception = UnreachableError(f"{host} has no address")
        for address in addresses[:_MAX_ADDRESSES_TRIED]:
            left_s = self._deadlines.remaining_s(timeout)
            if left_s <= 0:
                raise httpcore.ConnectTimeout("total timeout")
            try:
                stream = self._network.connect_tcp(str(address), port, left_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self._deadlines)
        raise failure


class _TimedStream(httpcore.NetworkStream):
    """A connection on which every step ends by the thread's deadline, however slowly the bytes trickle."""

    def __init__(self, stream: httpcore.NetworkStream, deadlines: Deadlines) -> None:
        self._stream = stream
        self._deadlines = deadlines

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left_s = self._deadlines.remaining_s(timeout)
        if left_s <= 0:
            raise httpcore.ReadTimeout("total timeout")
        return self._stream.read(max_bytes, left_s)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left_s = self._deadlines.remaining_s(timeout)
        if left_s <= 0:
            raise httpcore.WriteTimeout("total timeout")
        self._stream.write(buffer, left_s)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left_s = self._deadlines.remaining_s(timeout)
        if left_s <= 0:
            raise httpcore.ConnectTimeout("total timeout")
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, left_s), self._deadlines)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
