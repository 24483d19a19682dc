"""Bytes that come over the network, fetched while those before them are worked on."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from pipeline.lake.files.limits import MIB
from pipeline.lake.files.source import Readable


class ReadAhead:
    """Reads `stream` on a thread of its own, `size` bytes beyond what is asked for; to be closed before the stream is.

    An error comes where its bytes would, after those before it.
    """

    def __init__(self, stream: Readable, size: int = 4 * MIB) -> None:
        self._stream = stream
        self._size = size
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._have = memoryview(b"")
        self._next: Future[bytes] | None = self._fetch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, or all; none at the end."""
        if size < 0:
            return b"".join(iter(lambda: self.read(self._size), b""))
        if size and not self._have and self._next:
            data = self._next.result()
            self._have = memoryview(data)
            self._next = self._fetch() if data else None
        data, self._have = bytes(self._have[:size]), self._have[size:]
        return data

    def _fetch(self) -> Future[bytes]:
        return self._thread.submit(self._stream.read, self._size)
