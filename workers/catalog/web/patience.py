"""Hangs up on clients that send their requests drop by drop; uvicorn itself waits for ever for the end of headers."""

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_WITHIN_S: Final = 10.0


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 over h11, which looks now and then whether its client is in the middle of a request's headers.

    A connection that rests between requests is uvicorn's to end (timeout_keep_alive).
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to look."""
        super().connection_made(transport)
        self._seen_waiting = False
        self._look = self.loop.call_later(HEADERS_WITHIN_S, self._hang_up_if_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Look no more."""
        self._look.cancel()
        super().connection_lost(exc)

    def _hang_up_if_slow(self) -> None:
        begun = self.cycle is not None  # None until the first request's headers are in
        waiting = self.conn.their_state is h11.IDLE and (not begun or bool(self.conn.trailing_data[0]))
        if waiting and (self._seen_waiting or not begun):
            self.transport.close()
            return
        self._seen_waiting = waiting
        self._look = self.loop.call_later(HEADERS_WITHIN_S, self._hang_up_if_slow)

    _look: asyncio.TimerHandle
    _seen_waiting: bool
    conn: Any
