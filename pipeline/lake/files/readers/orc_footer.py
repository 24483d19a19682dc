"""What the footer of an ORC file says of its timestamps, which Arrow reads wrongly outside of the years 1678 to 2261.

Arrow has them in nanoseconds, whose 64 bits overflow unnoticed. The statistics of the footer tell whether that happens.
The source is the specification: https://orc.apache.org/specification/ORCv1/
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from pipeline.core.errors import BadObject

_TIMESTAMPS = (9, 18)
"""Kinds of type: without and with a zone."""

_FIRST, _LAST = -9_223_286_400_000, 9_223_286_400_000
"""Milliseconds that are nanoseconds in 64 bits, a day within, for zones."""

_TAIL = 255
_MOST = 64 * 1024 * 1024
_HINT = "Write the column as text, or as a date, or send the file as Parquet."


@dataclass(slots=True)
class _Message:
    """A message of Protocol Buffers: the numbers and the bytes of each field."""

    numbers: dict[int, list[int]] = field(default_factory=dict)
    parts: dict[int, list[bytes]] = field(default_factory=dict)

    def number(self, name: int) -> int | None:
        return self.numbers.get(name, [None])[-1]


def check_timestamps(file: BinaryIO) -> None:
    """BadObject if a column has timestamps that Arrow reads wrongly, or may have. ValueError for a damaged footer."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL - 1))
    tail = file.read()
    postscript_size = tail[-1]
    postscript = _parse(tail[-1 - postscript_size : -1])
    length = postscript.number(1) or 0
    if length > _MOST:
        raise ValueError
    file.seek(max(0, size - 1 - postscript_size - length))
    footer = _parse(_unpacked(file.read(length), postscript.number(2) or 0, postscript.number(3) or 0))
    types = [_parse(each) for each in footer.parts.get(4, [])]
    statistics = [_parse(each) for each in footer.parts.get(7, [])]
    for place, kind in enumerate(types):
        if (kind.number(1) or 0) in _TIMESTAMPS:
            _check_column(place, statistics[place] if place < len(statistics) else _Message())


def _check_column(place: int, statistics: _Message) -> None:
    if statistics.number(1) == 0:
        return
    known = [_parse(each) for each in statistics.parts.get(9, [])]
    bounds = [_signed(each) for one in known for name in (1, 2, 3, 4) for each in one.numbers.get(name, [])]
    if not bounds:
        raise BadObject(
            f"the ORC file does not say from when to when the timestamps of its column {place} are", hint=_HINT
        )
    if min(bounds) < _FIRST or max(bounds) > _LAST:
        raise BadObject(
            f"column {place} of the ORC file has timestamps outside of the years 1678 to 2261, which are not read",
            hint=_HINT,
        )


def _signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


def _parse(data: bytes) -> _Message:
    found = _Message()
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        name, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
            found.numbers.setdefault(name, []).append(value)
        elif wire == 2:
            length, at = _varint(data, at)
            found.parts.setdefault(name, []).append(data[at : at + length])
            at += length
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise ValueError
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
    raise ValueError


def _unpacked(data: bytes, compression: int, block: int) -> bytes:
    return b"".join(_chunks(data, compression, block)) if compression else data


def _chunks(data: bytes, compression: int, block: int) -> Iterator[bytes]:
    at = 0
    while at + 3 <= len(data):
        header = int.from_bytes(data[at : at + 3], "little")
        chunk = data[at + 3 : at + 3 + (header >> 1)]
        at += 3 + (header >> 1)
        yield chunk if header & 1 else _unpack(chunk, compression, min(block, _MOST))


def _unpack(chunk: bytes, compression: int, block: int) -> bytes:
    match compression:
        case 1:
            return zlib.decompressobj(-15).decompress(chunk, block)
        case 2:
            from cramjam import snappy

            return bytes(snappy.decompress_raw(chunk))
        case 4:
            from cramjam import lz4

            return bytes(lz4.decompress_block(chunk, output_len=block))
        case 5:
            from backports import zstd

            return zstd.ZstdDecompressor().decompress(chunk, block)
    raise ValueError
