"""Reads classic netCDF-3 files: 32-bit, 64-bit offset, and 64-bit data.

The format is that of "The NetCDF Classic Format Specification" (Unidata). The readers that there are bring SciPy.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

from pipeline.core.errors import BadObject
from pipeline.core.netcdf.model import Attributes, Chunk, NetcdfFile, ReadableFile, Storage, Variable, plain

DTYPES = {1: "i1", 2: "S1", 3: ">i2", 4: ">i4", 5: ">f4", 6: ">f8", 7: "u1", 8: ">u2", 9: ">u4", 10: ">i8", 11: ">u8"}
"""NumPy's types by the format's; 7 and above are those of 64-bit data (CDF-5)."""
_DIMENSION, _VARIABLE, _ATTRIBUTE = 10, 11, 12
_STREAMING = {1: 2**32 - 1, 2: 2**32 - 1, 5: 2**64 - 1}
_MOST = 100_000
"""Of a list in the header; a longer one is a sign of a broken file."""


@dataclass(frozen=True, slots=True)
class _Declared:
    name: str
    dimensions: tuple[int, ...]
    attributes: Attributes
    typed: Attributes
    dtype: str
    size: int
    begin: int


class _Header:
    """Reads the header from its beginning."""

    def __init__(self, file: ReadableFile) -> None:
        self._file = file
        self._at = 4
        self.version = file.range(3, 1)[0] if file.size > 3 else 0
        if self.version not in _STREAMING:
            raise BadObject(f"the file is of classic netCDF {self.version}, and there are 1, 2 and 5")
        self._count, self._width = (">Q", 8) if self.version == 5 else (">I", 4)

    def take(self, length: int) -> bytes:
        if self._at + length > self._file.size:
            raise BadObject("the file is truncated: it ends within its header")
        self._at += length
        return self._file.range(self._at - length, length)

    def count(self) -> int:
        """A length, which is a number of 64 bits in CDF-5."""
        return int(struct.unpack(self._count, self.take(self._width))[0])

    def number(self) -> int:
        return int(struct.unpack(">I", self.take(4))[0])

    def offset(self) -> int:
        return int(struct.unpack(">I" if self.version == 1 else ">Q", self.take(4 if self.version == 1 else 8))[0])

    def padded(self, length: int) -> bytes:
        return self.take(length + -length % 4)[:length]

    def name(self) -> str:
        return self.padded(self.count()).decode("utf-8", "replace")

    def many(self, tag: int) -> int:
        """How many parts the next list has."""
        found, count = self.number(), self.count()
        if found not in (0, tag) or (found == 0 and count) or count > _MOST:
            raise BadObject("the header is not that of a classic netCDF file")
        return count

    def attributes(self) -> Mapping[str, Any]:
        """As text or NumPy arrays."""
        return dict(self._attribute() for _ in range(self.many(_ATTRIBUTE)))

    def _attribute(self) -> tuple[str, Any]:
        import numpy as np

        name, dtype, count = self.name(), _dtype(self.number()), self.count()
        content = self.padded(count * np.dtype(dtype).itemsize)
        return name, content if dtype == "S1" else np.frombuffer(content, dtype)

    def variable(self) -> _Declared:
        name = self.name()
        dimensions = tuple(self.count() for _ in range(min(self.count(), _MOST)))
        attributes, dtype = self.attributes(), _dtype(self.number())
        typed = {key: value for key, value in attributes.items() if not isinstance(value, bytes)}
        return _Declared(name, dimensions, _plain(attributes), typed, dtype, self.count(), self.offset())


def read_classic(file: ReadableFile) -> NetcdfFile:
    """The variables that the header declares; `BadObject` where the file ends before their values."""
    import numpy as np

    header = _Header(file)
    records = header.count()
    dimensions = [(header.name(), header.count()) for _ in range(header.many(_DIMENSION))]
    attributes = _plain(header.attributes())
    declared = [header.variable() for _ in range(header.many(_VARIABLE))]
    if any(not 0 <= each < len(dimensions) for variable in declared for each in variable.dimensions):
        raise BadObject("the header is not that of a classic netCDF file: a variable has a dimension that is not there")
    recorded = [each for each in declared if each.dimensions and dimensions[each.dimensions[0]][1] == 0]
    # Of one variable alone the records are not padded.
    alone = len(recorded) == 1
    step = (
        _bytes_of(recorded[0], dimensions, np.dtype(recorded[0].dtype).itemsize)
        if alone
        else sum(each.size for each in recorded)
    )
    if records == _STREAMING[header.version]:
        records = (file.size - min(each.begin for each in recorded)) // step if recorded and step else 0
    made = (_variable(file, each, dimensions, records, step if each in recorded else None) for each in declared)
    return NetcdfFile({each.name: each for each in made}, attributes)


def _plain(attributes: Mapping[str, Any]) -> Attributes:
    return {name: plain(value) for name, value in attributes.items()}


def _bytes_of(declared: _Declared, dimensions: list[tuple[str, int]], itemsize: int) -> int:
    """Of one record of a variable."""
    total = itemsize
    for each in declared.dimensions[1:]:
        total *= dimensions[each][1]
    return total


def _variable(
    file: ReadableFile, declared: _Declared, dimensions: list[tuple[str, int]], records: int, step: int | None
) -> Variable:
    """`step` is from one record to the next; None where the variable has none and lies in one piece."""
    import numpy as np

    shape = tuple(dimensions[each][1] for each in declared.dimensions)
    itemsize = np.dtype(declared.dtype).itemsize
    if step is None:
        length, chunk_shape = itemsize * int(np.prod(shape, dtype=np.int64)), shape
        chunks = {(0,) * len(shape): Chunk(declared.begin, length)}
    else:
        shape, chunk_shape = (records, *shape[1:]), (1, *shape[1:])
        length, rest = _bytes_of(declared, dimensions, itemsize), (0,) * (len(shape) - 1)
        chunks = {(n, *rest): Chunk(declared.begin + n * step, length) for n in range(records)}
    end = max((each.offset + each.size for each in chunks.values()), default=0)
    if end > file.size:
        raise BadObject(f"the file is truncated: {declared.name} ends at byte {end} of {file.size}")
    storage = Storage(declared.dtype, chunk_shape, (), chunks)
    names = tuple(dimensions[each][0] for each in declared.dimensions)
    return Variable(
        declared.name,
        shape,
        declared.attributes,
        partial(_values, file, shape, storage),
        lambda: names,
        lambda: storage,
        partial(_part, file, declared, shape, step),
        np.dtype(declared.dtype),
        declared.typed,
    )


def _part(
    file: ReadableFile, declared: _Declared, shape: tuple[int, ...], step: int | None, place: tuple[slice, ...]
) -> Any:
    """Some of a variable's values: what is from the first of them to the last is read at once."""
    import numpy as np

    dtype = np.dtype(declared.dtype)
    strides = [dtype.itemsize * prod(shape[axis + 1 :]) for axis in range(len(shape))]
    if step is not None:
        strides[0] = step
    bounds = [each.indices(length)[:2] for each, length in zip(place, shape, strict=True)]
    lengths = tuple(max(0, last - first) for first, last in bounds)
    if not all(lengths):
        return np.empty(lengths, dtype)
    offset = sum(first * stride for (first, _), stride in zip(bounds, strides, strict=True))
    span = dtype.itemsize + sum((length - 1) * stride for length, stride in zip(lengths, strides, strict=True))
    content = file.range(declared.begin + offset, span)
    return np.ndarray(lengths, dtype, content, strides=strides)


def _values(file: ReadableFile, shape: tuple[int, ...], storage: Storage) -> Any:
    import numpy as np

    content = b"".join(file.range(each.offset, each.size) for each in storage.chunks.values())
    return np.frombuffer(content, storage.dtype).reshape(shape)


def _dtype(number: int) -> str:
    if number not in DTYPES:
        raise BadObject(f"the header names a type {number}, which classic netCDF has not")
    return DTYPES[number]
