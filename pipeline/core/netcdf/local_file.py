"""A file on the disk, read as netCDF's readers read: by ranges, and nothing of it kept."""

from __future__ import annotations

import io
from typing import BinaryIO

from pipeline.core.errors import BadObject
from pipeline.core.netcdf.raw_file import RawFile


class LocalFile(RawFile):
    """A file that can seek. It has no `fileno`: pyfive would open a file by that, which has no name here."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, io.SEEK_END)
        file.seek(0)

    def tell(self) -> int:
        """Where the next read begins."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Where the next read begins."""
        return self._file.seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes, fewer only at the end of the file."""
        return self._file.read(-1 if size is None else size)

    def range(self, start: int, length: int) -> bytes:
        """Bytes of the file; `BadObject` if it ends before."""
        self._file.seek(start)
        found = self._file.read(length)
        if len(found) < length:
            raise BadObject(f"the file ends before byte {start + length}: it is truncated")
        return found
