"""Bytes of a raw object, decompressed, read as a stream. What they mean is for `streams` and the readers to say."""

from __future__ import annotations

import gzip
import io
import tempfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from pipeline.core.errors import BadObject
from pipeline.lake.files.limits import Limits

_gzip: Any = gzip
_CORRUPT: tuple[Any, ...] = (gzip.BadGzipFile, zlib.error)
try:
    # Three times as fast as the standard library, where a wheel exists.
    from isal import igzip, isal_zlib

    _gzip = igzip
    _CORRUPT = (*_CORRUPT, isal_zlib.error)
except ImportError:
    pass

_GZIP_MAGIC = b"\x1f\x8b"
_SPOOLED_AT_ONCE = 4 * 1024 * 1024


class Readable(Protocol):
    """What S3's StreamingBody, files and decompressors have in common."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, or all; none at the end."""
        ...


class _Counted:
    """Counts, and on request copies, what is read of the raw object."""

    def __init__(self, source: Readable, first: bytes, copy: BinaryIO | None) -> None:
        self._source = source
        self._first = first
        self._copy = copy
        self.size = 0

    def read(self, size: int = -1, /) -> bytes:
        if self._first:
            end = size if size >= 0 else len(self._first)
            data, self._first = self._first[:end], self._first[end:]
        else:
            data = self._source.read(size)
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

    `copy` receives the raw bytes as they are read, for who needs to read them again; `spool` writes into `folder`.
    BadObject for a broken or suspiciously growing gzip.
    """

    def __init__(
        self,
        source: Readable,
        file_name: str,
        limits: Limits,
        copy: BinaryIO | None = None,
        folder: Path | None = None,
    ) -> None:
        self._limits = limits
        self._folder = folder
        self._spooled: BinaryIO | None = None
        self._file = _whole_file(source)
        first = _read_full(source, 8)
        self._raw = _Counted(source, first, copy)
        self._packed = first.startswith(_GZIP_MAGIC)
        if file_name.lower().endswith(".gz") and first and not self._packed:
            raise BadObject(
                "the name ends in .gz, but the bytes are not gzip", hint="Compress the file, or drop the .gz."
            )
        self._stream: Readable = _gunzip(self._raw) if self._packed else self._raw
        self.size = 0
        """How many bytes were read of it."""

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end."""
        try:
            data = _read_full(self._stream, size)
        except EOFError as error:
            read = f"the file has {self._raw.size:,} bytes, and the end of a whole gzip file is not among them"
            raise _damaged(f"the gzip data ends early: {read}") from error
        except _CORRUPT as error:
            read = f"within the first {self._raw.size:,} bytes of the file"
            raise _damaged(f"the gzip data is corrupt {read}, and cannot be unpacked") from error
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
        self._spooled = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        while data := self.read(_SPOOLED_AT_ONCE):
            self._spooled.write(data)
        self._spooled.seek(0)
        return self._spooled

    def close(self) -> None:
        """Give back what `spool` took of the disk."""
        if self._spooled:
            self._spooled.close()

    def _check_expansion(self) -> None:
        limits = self._limits
        if self._packed and self.size > max(limits.expansion_floor, limits.expansion * self._raw.size):
            raise BadObject(
                f"the gzip grows to more than {limits.expansion} times its size ({self.size} bytes so far)",
                hint="If it is no mistake, send the data in several files, or uncompressed.",
            )


def _whole_file(source: Readable) -> BinaryIO | None:
    """The source itself if it is a file that stands at its start."""
    file = cast(BinaryIO, source) if isinstance(source, io.IOBase) else None
    return file if file and file.seekable() and file.tell() == 0 else None


def _damaged(what: str) -> BadObject:
    return BadObject(what, hint="The upload was cut or damaged: send the file again.")


def _gunzip(raw: _Counted) -> Readable:
    opened: Readable = _gzip.GzipFile(fileobj=raw, mode="rb")
    return opened


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
