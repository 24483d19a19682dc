"""How the bytes of a raw object may be packed: gzip, bzip2, Zstandard, xz, and a ZIP archive of one file.

The bytes say it, and a name may say nothing; a name that says something else is refused. Every way hands out the
bytes of all members that follow each other in a file, and `unpack` raises one of `CORRUPT` or EOFError where they are
damaged or cut.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.core.errors import BadObject

_gzip: Any = gzip
CORRUPT: tuple[Any, ...] = (gzip.BadGzipFile, zlib.error, lzma.LZMAError)
try:
    # Three times as fast as the standard library, where a wheel exists.
    from isal import igzip, isal_zlib

    _gzip = igzip
    CORRUPT = (*CORRUPT, isal_zlib.error)
except ImportError:
    pass

MAGIC_BYTES = 16
"""How many bytes of a file tell how it is packed."""

MEMORY = 128 * 1024 * 1024
"""Bytes that an xz or Zstandard file may ask for to be unpacked: as much as `zstd --long` and twice what `xz -9` do."""

_PIECE = 128 * 1024


class Readable(Protocol):
    """What S3's StreamingBody, files and decompressors have in common."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, or all; none at the end."""
        ...


class Corrupt(Exception):
    """Packed bytes that are no such bytes."""


CORRUPT = (*CORRUPT, Corrupt)


class _Decompressor(Protocol):
    """One member, as bz2, lzma and zstd have it."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Members:
    """The bytes of members that follow each other. NUL bytes behind a member are padding, as tapes and xz have it."""

    def __init__(self, packed: Readable, member: Callable[[], _Decompressor]) -> None:
        self._packed = packed
        self._make = member
        self._member = member()
        self._ahead = b""

    def read(self, size: int = -1, /) -> bytes:
        while True:
            if self._member.eof and not self._next_member():
                return b""
            data = self._piece() if self._member.needs_input else b""
            if self._member.needs_input and not data:
                raise EOFError
            try:
                found = self._member.decompress(data, size)
            except OSError as error:
                # What bz2 says of bytes that are no bzip2, and what has no number of the system.
                if error.errno is not None:
                    raise
                raise Corrupt from error
            if found or not size:
                return found

    def _next_member(self) -> bool:
        rest = self._member.unused_data.lstrip(b"\0")
        while not rest:
            rest = self._packed.read(_PIECE)
            if not rest:
                return False
            rest = rest.lstrip(b"\0")
        self._member, self._ahead = self._make(), rest
        return True

    def _piece(self) -> bytes:
        ahead, self._ahead = self._ahead, b""
        return ahead or self._packed.read(_PIECE)


def _gunzip(packed: Readable) -> Readable:
    opened: Readable = _gzip.GzipFile(fileobj=packed, mode="rb")
    return opened


def _bunzip(packed: Readable) -> Readable:
    return _Members(packed, bz2.BZ2Decompressor)


def _unxz(packed: Readable) -> Readable:
    return _Members(packed, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY))


def _unzstd(packed: Readable) -> Readable:
    from backports import zstd

    def member() -> _Decompressor:
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: MEMORY.bit_length() - 1}
        return _ZstdMember(zstd.ZstdDecompressor(options=options), zstd.ZstdError)

    return _Members(packed, member)


class _ZstdMember:
    """A frame, whose errors are of a type that only its library has."""

    def __init__(self, frame: Any, error: type[Exception]) -> None:
        self._frame = frame
        self._error = error

    @property
    def eof(self) -> bool:
        return bool(self._frame.eof)

    @property
    def needs_input(self) -> bool:
        return bool(self._frame.needs_input)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._frame.unused_data)

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        try:
            return bytes(self._frame.decompress(data, max_length))
        except self._error as error:
            raise Corrupt from error


@dataclass(frozen=True, slots=True)
class Compression:
    """One way. `unpack` is None for ZIP, whose list of members stands at its end: `zip_archive` opens it."""

    name: str
    suffixes: tuple[str, ...]
    unpack: Callable[[Readable], Readable] | None


GZIP = Compression("gzip", (".gz", ".gzip"), _gunzip)
BZIP2 = Compression("bzip2", (".bz2",), _bunzip)
ZSTANDARD = Compression("Zstandard", (".zst", ".zstd"), _unzstd)
XZ = Compression("xz", (".xz",), _unxz)
ZIP = Compression("ZIP", (".zip",), None)
COMPRESSIONS = (GZIP, BZIP2, ZSTANDARD, XZ, ZIP)


def compression_of(first: bytes) -> Compression | None:
    """How a file is packed that begins with `first`, its first `MAGIC_BYTES` bytes."""
    if first.startswith(b"\x1f\x8b"):
        return GZIP
    # Three letters and a digit might be a text's: the number pi, or that of its root, follows them.
    if first.startswith(b"BZh") and first[4:10] in (b"1AY&SY", b"\x17rE8P\x90"):
        return BZIP2
    if first.startswith(b"\xfd7zXZ\0"):
        return XZ
    # The second is a frame to skip, which parallel compressors put first.
    if first.startswith(b"\x28\xb5\x2f\xfd") or (first[1:4] == b"\x2a\x4d\x18" and 0x50 <= first[0] <= 0x5F):
        return ZSTANDARD
    return ZIP if first.startswith((b"PK\x03\x04", b"PK\x05\x06")) else None


def check_name(file_name: str, found: Compression | None) -> None:
    """BadObject for a name whose suffix says another compression than the bytes."""
    name = file_name.lower()
    for said in COMPRESSIONS:
        for suffix in said.suffixes:
            if name.endswith(suffix) and said is not found:
                bytes_are = f"the bytes are {found.name}" if found else f"the bytes are not {said.name}"
                raise BadObject(
                    f"the name ends in {suffix}, but {bytes_are}",
                    hint=f"Pack the file with {said.name}, or send it without {suffix} in its name.",
                )
