"""A remote file that is read by ranges, as few and as small as its readers' habits allow."""

from __future__ import annotations

import io
from collections.abc import Callable

from pipeline.core.errors import BadObject
from pipeline.core.netcdf.raw_file import RawFile

WHOLE = 192 * 1024
"""Up to this many bytes a file is read at once: a request takes longer than so many bytes."""
HEAD = 12 * 1024
TAIL = 32 * 1024
"""netCDF-4 has its first objects at the beginning, and what was made last, such as scalars, at the end."""
BLOCK = 8 * 1024
MOST_REQUESTS = 500
MOST_BYTES = 64 * 1024 * 1024
"""A file whose metadata needs more than that is not read: it would fill the function's memory, or its time."""

Fetch = Callable[[int, int], bytes]
"""Bytes of the file: from where, and how many."""


class RangedFile(RawFile):
    """A file of `size` bytes. `requests` and `bytes_read` count what was fetched."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        self._fetch = fetch
        self.size = size
        self.requests = 0
        self.bytes_read = 0
        self._at = 0
        self._parts: list[tuple[int, bytes]] = []
        if size <= WHOLE:
            self._load(0, size)
        else:
            self._load(0, HEAD)
            self._load(size - TAIL, TAIL)

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Where the next read begins; nothing is fetched."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes, fewer only at the end of the file."""
        end = self.size if size is None or size < 0 else min(self._at + size, self.size)
        found = self.range(self._at, end - self._at) if end > self._at else b""
        self._at += len(found)
        return found

    def range(self, start: int, length: int) -> bytes:
        """Bytes of the file, fetched unless they are known."""
        if (known := self._known(start, length)) is not None:
            return known
        first = start // BLOCK * BLOCK
        last = min(-(-(start + length) // BLOCK) * BLOCK, self.size)
        self._load(first, last - first)
        found = self._known(start, length)
        if found is None:
            raise BadObject(f"the file ends before byte {start + length}: it is truncated")
        return found

    def _known(self, start: int, length: int) -> bytes | None:
        for begin, content in self._parts:
            if begin <= start and start + length <= begin + len(content):
                return content[start - begin : start - begin + length]
        return None

    def _load(self, start: int, length: int) -> None:
        if self.requests >= MOST_REQUESTS or self.bytes_read + length > MOST_BYTES:
            raise BadObject(
                f"its metadata needs more than {MOST_REQUESTS} reads or {MOST_BYTES >> 20} MiB: "
                "it has a huge attribute, or too many variables"
            )
        content = self._fetch(start, length)
        self.requests += 1
        self.bytes_read += len(content)
        self._parts.insert(0, (start, content))
