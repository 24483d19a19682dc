"""A browser's connection to the console, closed when no request arrives in time: uvicorn has no such limit."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_S = 10.0
"""Seconds from a new connection, or from the first byte of another request, to the end of the request's headers."""


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1 connection, with a limit on the time until a request's headers are complete."""

    headers_s = HEADERS_S
    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time limit of the first request."""
        super().connection_made(transport)
        self._limit_headers()

    def data_received(self, data: bytes) -> None:
        """Stop the time limit once the headers are complete; start it with the first bytes of the next request."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._forget_limit()
        elif self._limit is None:
            self._limit_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop the time limit of a connection that has ended."""
        self._forget_limit()
        super().connection_lost(exc)

    def _limit_headers(self) -> None:
        self._limit = self.loop.call_later(self.headers_s, self.transport.close)

    def _forget_limit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
