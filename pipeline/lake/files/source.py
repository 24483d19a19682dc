"""Bytes of a raw object, decompressed, read as a stream. What they mean is for `streams` and the readers to say."""

from __future__ import annotations

import io
import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, cast

from pipeline.core.errors import BadObject
from pipeline.lake.files.compression import (
    CORRUPT,
    MAGIC_BYTES,
    ZIP,
    Compression,
    Readable,
    check_name,
    compression_of,
)
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.zip_archive import is_workbook, open_archive, open_only_member

__all__ = ["Readable", "Source"]

_CORRUPT = (*CORRUPT, zipfile.BadZipFile)
_COPIED_AT_ONCE = 4 * 1024 * 1024


class _Counted:
    """Counts, and on request copies, what is read of the raw object."""

    def __init__(self, source: Readable, first: bytes, copy: BinaryIO | None) -> None:
        self._source = source
        self._first = first
        self._copy = copy
        self.size = 0
        self.failure: OSError | None = None
        """What the raw object could not be read for: a connection that breaks is no damage of what came over it."""

    def read(self, size: int = -1, /) -> bytes:
        if self._first:
            end = size if size >= 0 else len(self._first)
            data, self._first = self._first[:end], self._first[end:]
        else:
            try:
                data = self._source.read(size)
            except OSError as error:
                self.failure = error
                raise
        self.size += len(data)
        if self._copy is not None:
            self._copy.write(data)
        return data

    def readinto(self, buffer: Any, /) -> int:
        """What isal's reader calls in place of `read`."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class Source:
    """The bytes of an object, as they were before they were compressed.

    `copy` receives the raw bytes as they are read, for who needs to read them again; temporary files lie in `folder`.
    A `workbook` is an archive itself, and is not unpacked. BadObject for what is broken, packed twice, or grows
    suspiciously when it is unpacked.
    """

    def __init__(
        self,
        source: Readable,
        file_name: str,
        limits: Limits,
        copy: BinaryIO | None = None,
        folder: Path | None = None,
        *,
        workbook: bool = False,
    ) -> None:
        self._limits = limits
        self._folder = folder
        self._temporary = ExitStack()
        self._file = _whole_file(source)
        first = _read_full(source, MAGIC_BYTES)
        self._raw = _Counted(source, first, copy)
        self._packed = compression_of(first)
        self._stream: Readable = self._raw
        self._ahead = b""
        self.size = 0
        """How many bytes were read of it."""
        try:
            self._open(file_name, first, workbook)
        except BaseException:
            self.close()
            raise

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end."""
        if self._ahead:
            ahead, self._ahead = self._ahead[:size], self._ahead[size:]
            return ahead if len(ahead) == size else ahead + self.read(size - len(ahead))
        data = self._unpack(size)
        self.size += len(data)
        self._check_expansion()
        return data

    def spool(self) -> BinaryIO:
        """All of it as a file that can seek, at its start: for a format that is not read from front to back.

        To be called before `read`, and instead of it. The file is the source's to close.
        """
        if self._file and not self._packed:
            self._file.seek(0)
            return self._file
        spooled = self._temporary_file()
        while data := self.read(_COPIED_AT_ONCE):
            spooled.write(data)
        spooled.seek(0)
        return spooled

    def skip(self) -> None:
        """Read what is left of the raw object, for the copy's sake."""
        while self._raw.read(_COPIED_AT_ONCE):
            pass

    def close(self) -> None:
        """Give back what was taken of the disk."""
        self._temporary.close()

    def _temporary_file(self) -> BinaryIO:
        file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        return cast(BinaryIO, self._temporary.enter_context(file))

    def _open(self, file_name: str, first: bytes, workbook: bool) -> None:
        if first and not (workbook and self._packed is ZIP):
            check_name(file_name, self._packed)
        if self._packed is ZIP:
            self._open_zip(file_name, workbook)
        elif self._packed and self._packed.unpack:
            self._stream = self._packed.unpack(self._raw)
        if self._packed:
            self._ahead = self.read(MAGIC_BYTES)
            inner = compression_of(self._ahead)
            if inner and not (workbook and inner is ZIP):
                raise BadObject(
                    f"the file is packed twice: in the {self._packed.name} is {inner.name}",
                    hint="Pack it once, with either.",
                )

    def _open_zip(self, file_name: str, workbook: bool) -> None:
        file = self._file or self._temporary_file()
        while data := self._raw.read(_COPIED_AT_ONCE):
            if file is not self._file:
                file.write(data)
        archive = open_archive(file)
        if is_workbook(archive):
            if not workbook:
                raise BadObject(
                    "the file is an Excel workbook, or another office document",
                    hint="Say `format: xlsx` if files are so, or save the sheet as CSV.",
                )
            self._packed = None
            check_name(file_name, None)
            file.seek(0)
            self._stream = self._file = file
        else:
            self._stream = open_only_member(archive)

    def _unpack(self, size: int) -> bytes:
        packed = self._packed
        if not packed:
            return _read_full(self._stream, size)
        try:
            return _read_full(self._stream, size)
        except EOFError as error:
            raise _cut(packed, self._raw.size) from error
        except (*_CORRUPT, OSError) as error:
            if isinstance(error, OSError) and (error.errno is not None or error is self._raw.failure):
                raise
            read = f"within the first {self._raw.size:,} bytes of the file"
            raise _damaged(f"the {packed.name} data is corrupt {read}, and cannot be unpacked") from error

    def _check_expansion(self) -> None:
        limits = self._limits
        if self._packed and self.size > max(limits.expansion_floor, limits.expansion * self._raw.size):
            raise BadObject(
                f"the {self._packed.name} grows to more than {limits.expansion} times its size "
                f"({self.size} bytes so far)",
                hint="If it is no mistake, send the data in several files, or uncompressed.",
            )


def _whole_file(source: Readable) -> BinaryIO | None:
    """The source itself if it is a file that stands at its start."""
    file = cast(BinaryIO, source) if isinstance(source, io.IOBase) else None
    return file if file and file.seekable() and file.tell() == 0 else None


def _cut(packed: Compression, size: int) -> BadObject:
    read = f"the file has {size:,} bytes, and the end of a whole {packed.name} file is not among them"
    return _damaged(f"the {packed.name} data ends early: {read}")


def _damaged(what: str) -> BadObject:
    return BadObject(what, hint="The upload was cut or damaged: send the file again.")


def _read_full(stream: Readable, size: int) -> bytes:
    """`size` bytes, fewer only at the end: network streams hand out what they happen to have."""
    data = stream.read(size)
    if len(data) == size or not data:
        return data
    parts, have = [data], len(data)
    while have < size and (data := stream.read(size - have)):
        parts.append(data)
        have += len(data)
    return b"".join(parts)
