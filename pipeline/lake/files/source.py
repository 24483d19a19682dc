"""Bytes of a raw object, decompressed and in UTF-8, read as a stream. What the bytes mean is the readers' business."""

from __future__ import annotations

import codecs
import gzip
import zlib
from typing import Any, BinaryIO, Protocol

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
_FOREIGN_MAGIC = {
    b"PK\x03\x04": "a ZIP archive (or an Excel workbook)",
    b"PAR1": "a Parquet file",
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
}
_BOMS = (
    (codecs.BOM_UTF8, None),
    # The marks of UTF-32 begin with those of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


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
    """The text of an object, in UTF-8 without byte order mark.

    `copy` receives the raw bytes as they are read, for who needs to read them again. BadObject for another format, a
    broken or suspiciously growing gzip, and text that is not in the encoding that its byte order mark says.
    """

    def __init__(self, source: Readable, file_name: str, limits: Limits, copy: BinaryIO | None = None) -> None:
        self._limits = limits
        first = _read_full(source, 8)
        self._raw = _Counted(source, first, copy)
        self._packed = first.startswith(_GZIP_MAGIC)
        if file_name.lower().endswith(".gz") and first and not self._packed:
            raise BadObject(
                "the name ends in .gz, but the bytes are not gzip", hint="Compress the file, or drop the .gz."
            )
        self._stream: Readable = _gunzip(self._raw) if self._packed else self._raw
        self._size = 0
        self._ahead = self._read_stream(8)
        _refuse_foreign(self._ahead)
        self._decoder = self._find_encoding()

    def read(self, size: int) -> bytes:
        """At least `size` bytes, more only by what a change of encoding adds; fewer only at the end."""
        parts, have = [], 0
        while have < size:
            data, self._ahead = self._ahead, b""
            data = data or self._read_stream(size - have)
            text = self._recode(data) if self._decoder else data
            parts.append(text)
            have += len(text)
            if not data:
                break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read_stream(self, size: int) -> bytes:
        try:
            data = _read_full(self._stream, size)
        except EOFError as error:
            read = f"the file has {self._raw.size:,} bytes, and the end of a whole gzip file is not among them"
            raise _damaged(f"the gzip data ends early: {read}") from error
        except _CORRUPT as error:
            read = f"within the first {self._raw.size:,} bytes of the file"
            raise _damaged(f"the gzip data is corrupt {read}, and cannot be unpacked") from error
        self._size += len(data)
        self._check_expansion()
        return data

    def _check_expansion(self) -> None:
        limits = self._limits
        if self._packed and self._size > max(limits.expansion_floor, limits.expansion * self._raw.size):
            raise BadObject(
                f"the gzip grows to more than {limits.expansion} times its size ({self._size} bytes so far)",
                hint="If it is no mistake, send the data in several files, or uncompressed.",
            )

    def _find_encoding(self) -> codecs.IncrementalDecoder | None:
        for mark, encoding in _BOMS:
            if self._ahead.startswith(mark):
                self._ahead = self._ahead[len(mark) :]
                return codecs.getincrementaldecoder(encoding)() if encoding else None
        if len(self._ahead) > 1 and 0 in self._ahead[:2]:
            raise BadObject("the text looks like UTF-16 without a byte order mark", hint="Save the file as UTF-8.")
        return None

    def _recode(self, data: bytes) -> bytes:
        assert self._decoder is not None
        try:
            return self._decoder.decode(data, not data).encode()
        except UnicodeDecodeError as error:
            raise BadObject(
                f"the text is not valid {error.encoding} near byte {self._size} ({error.reason})",
                hint="Save the file as UTF-8.",
            ) from error


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


def _refuse_foreign(first: bytes) -> None:
    for magic, what in _FOREIGN_MAGIC.items():
        if first.startswith(magic):
            raise BadObject(f"the file is {what}", hint="Send CSV or JSON, plain or as gzip.")
