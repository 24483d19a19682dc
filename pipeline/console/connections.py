"""A browser's connection to the console: one that does not say what it wants is cut, which uvicorn does not do."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_S = 10.0
"""Seconds from a new connection, or from the first byte of another request, to the end of the request's headers."""


class Connection(H11Protocol):
    """uvicorn's, with a limit on the time that headers may take."""

    headers_s = HEADERS_S
    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._limit_headers()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._forget_limit()
        elif self._limit is None:
            self._limit_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_limit()
        super().connection_lost(exc)

    def _limit_headers(self) -> None:
        self._limit = self.loop.call_later(self.headers_s, self.transport.close)

    def _forget_limit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
