"""The outside of an Avro file: its header, and its blocks as they were before they were packed.

Done here and not by the Avro library, which unpacks a block to whatever it grows to. The source is the specification:
https://avro.apache.org/docs/1.12.0/specification/#object-container-files
"""

from __future__ import annotations

import bz2
import json
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import BadObject
from pipeline.lake.files.compression import MEMORY
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.source import Source

_MAGIC = b"Obj\x01"
_SYNC_BYTES = 16
_BLOCKS = 4
"""A block may be as long as that many of the longest rows."""


@dataclass(frozen=True, slots=True)
class Container:
    """An opened file, at its first block."""

    schema: Any
    codec: str
    sync: bytes


def open_container(source: Source, limits: Limits) -> Container:
    """Read the header. BadObject for what is no Avro file, or a damaged or cut one, or one packed in an unknown way."""
    magic = source.read(len(_MAGIC))
    if not magic:
        raise BadObject("the file is empty", hint="An Avro file has its schema even without records.")
    if magic != _MAGIC:
        raise BadObject("the file is not Avro", hint="Say the right `format` in the definition.")
    metadata: dict[str, bytes] = {}
    while count := _read_long(source):
        if count < 0:
            _read_long(source)
        for _ in range(abs(count)):
            name = _read_bytes(source, limits).decode(errors="backslashreplace")
            metadata[name] = _read_bytes(source, limits)
    sync = _read_exactly(source, _SYNC_BYTES)
    codec = metadata.get("avro.codec", b"null").decode(errors="backslashreplace")
    if codec not in _CODECS:
        raise BadObject(
            f"the Avro file is packed with {codec[:40]!r}, which is not read", hint=f"Use one of {', '.join(_CODECS)}."
        )
    try:
        return Container(json.loads(metadata.get("avro.schema", b"")), codec, sync)
    except (ValueError, RecursionError) as error:
        raise damaged("its schema is no JSON") from error


def blocks_of(source: Source, container: Container, limits: Limits) -> Iterator[tuple[int, bytes]]:
    """The number of records of each block, and its bytes."""
    most = _BLOCKS * limits.record
    number = 0
    while True:
        number += 1
        first = source.read(1)
        if not first:
            return
        count = _read_long(source, first)
        packed = _read_bytes(source, limits)
        if _read_exactly(source, _SYNC_BYTES) != container.sync or count < 0:
            raise damaged(f"block {number} does not end where it says")
        try:
            data = _CODECS[container.codec](packed, most)
        except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError) as error:
            raise damaged(f"block {number} cannot be unpacked") from error
        if len(data) > most:
            raise BadObject(
                f"block {number} of the Avro file grows to more than {most:,} bytes",
                hint="Write smaller blocks (the sync interval of the writer).",
            )
        yield count, data


def as_container(schema: Any, sync: bytes, blocks: list[tuple[int, bytes]]) -> bytes:
    """A file of unpacked blocks, with a schema that may say less."""
    metadata = {"avro.schema": json.dumps(schema).encode(), "avro.codec": b"null"}
    parts = [_MAGIC, _long(len(metadata))]
    for name, value in metadata.items():
        parts += [_long(len(name)), name.encode(), _long(len(value)), value]
    parts += [_long(0), sync]
    for count, data in blocks:
        parts += [_long(count), _long(len(data)), data, sync]
    return b"".join(parts)


def damaged(what: str) -> BadObject:
    """The refusal of a file that does not hold what it says."""
    return BadObject(
        f"the Avro file is damaged or cut: {what}", hint="The upload was cut or damaged: send the file again."
    )


def _read_long(source: Source, first: bytes = b"") -> int:
    value = shift = 0
    while True:
        byte = (first or _read_exactly(source, 1))[0]
        first = b""
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1)
        if shift > 63:
            raise damaged("a number is too long")


def _long(value: int) -> bytes:
    left, parts = value << 1, []
    while left > 0x7F:
        parts.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*parts, left])


def _read_bytes(source: Source, limits: Limits) -> bytes:
    size = _read_long(source)
    if not 0 <= size <= _BLOCKS * limits.record:
        raise damaged(f"a block or a text of {size:,} bytes")
    return _read_exactly(source, size)


def _read_exactly(source: Source, size: int) -> bytes:
    data = source.read(size) if size else b""
    if len(data) < size:
        raise damaged("it ends within a block")
    return data


def _inflate(data: bytes, most: int) -> bytes:
    return zlib.decompressobj(-15).decompress(data, most + 1)


def _unsnap(data: bytes, most: int) -> bytes:
    from cramjam import snappy

    packed, checksum = data[:-4], data[-4:]
    size, shift = 0, 0
    for byte in packed[:5]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if size > most:
        return bytes(most + 1)
    found = bytes(snappy.decompress_raw(packed))
    if zlib.crc32(found).to_bytes(4, "big") != checksum:
        raise ValueError("the checksum is another")
    return found


def _unzstd(data: bytes, most: int) -> bytes:
    from backports import zstd

    try:
        return zstd.ZstdDecompressor().decompress(data, most + 1)
    except zstd.ZstdError as error:
        raise ValueError("no frame") from error


_CODECS: dict[str, Callable[[bytes, int], bytes]] = {
    "null": lambda data, most: data,
    "deflate": _inflate,
    "snappy": _unsnap,
    "zstandard": _unzstd,
    "bzip2": lambda data, most: bz2.BZ2Decompressor().decompress(data, most + 1),
    "xz": lambda data, most: lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY).decompress(data, most + 1),
}
