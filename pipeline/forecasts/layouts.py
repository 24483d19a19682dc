"""The layout of a variable in its file: what is needed to read the values at a place, without the file's metadata."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from pipeline.core.errors import BadObject
from pipeline.forecasts import grids
from pipeline.forecasts.grids import Grid
from pipeline.forecasts.netcdf.model import Chunk, NetcdfFile, Storage, Variable
from pipeline.forecasts.times import coordinate

LARGEST_BYTES = 350_000
"""Of a layout that is kept: an item of DynamoDB has 400 KB."""
MOST_READS = 200
"""That the values of one place may need: with more, an answer would take too long."""
_DEFLATE, _SHUFFLE, _FLETCHER32 = 1, 2, 3
_FILTERS = {
    4: "szip",
    5: "nbit",
    6: "scaleoffset",
    307: "bzip2",
    32000: "lzf",
    32001: "blosc",
    32004: "lz4",
    32015: "zstd",
}

ReadRange = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Layout:
    """One variable's. `others` are the dimensions beside those of the grid, with the values along them, or none."""

    variable: str
    units: str
    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    storage: Storage
    grid: Grid
    others: Mapping[str, tuple[float, ...]]
    fill: float | None = None
    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Value:
    """A value at the place along the other dimensions; None where the file has none there."""

    at: Mapping[str, float]
    value: float | None


def layout_of(file: NetcdfFile, variable: Variable) -> Layout:
    """The layout of a variable; `BadObject` says why the values at a place cannot be read from it."""
    dimensions, attributes = variable.dimensions(), variable.attributes
    grid = grids.grid_of(file, variable)
    others = [name for name in dimensions if name not in (grid.x_dimension, grid.y_dimension)]
    lengths = dict(zip(dimensions, variable.shape, strict=True))
    for name in ("time", "forecast_period", "forecast_reference_time"):
        axis = coordinate(file, name)
        if axis is not None and any(lengths.get(each, 1) > 1 for each in (axis.dimensions() if axis.shape else ())):
            raise BadObject(f"{variable.name} has several times in one file: values at a place are read of one time")
    return Layout(
        variable=variable.name,
        units=str(attributes.get("units", "")),
        dimensions=dimensions,
        shape=variable.shape,
        storage=variable.storage(),
        grid=grid,
        others={name: _along(file, name) for name in others},
        fill=_number(attributes.get("_FillValue", attributes.get("missing_value"))),
        scale=_number(attributes.get("scale_factor")) or 1.0,
        offset=_number(attributes.get("add_offset")) or 0.0,
    )


def _along(file: NetcdfFile, name: str) -> tuple[float, ...]:
    found = file.variables.get(name)
    return tuple(map(float, found.values().reshape(-1).tolist())) if found is not None and len(found.shape) == 1 else ()


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def values_at(layout: Layout, latitude: float, longitude: float, read: ReadRange) -> tuple[Value, ...]:
    """The values at the grid point nearest to a place, of every member and level, by one read a chunk.

    `BadInput` for a place outside the grid, `BadObject` for chunks that this reader cannot unpack.
    """
    x, y = layout.grid.nearest(latitude, longitude)
    fixed = {layout.grid.x_dimension: x, layout.grid.y_dimension: y}
    lengths = dict(zip(layout.dimensions, layout.shape, strict=True))
    places = list(product(*([fixed[name]] if name in fixed else range(lengths[name]) for name in layout.dimensions)))
    sizes = layout.storage.chunk_shape
    chunk_of = {place: tuple(at // size for at, size in zip(place, sizes, strict=True)) for place in places}
    if len(set(chunk_of.values()) if layout.storage.filters else places) > MOST_READS:
        raise BadObject(f"{layout.variable} has the values of a place in more than {MOST_READS} parts of the file")
    known: dict[tuple[int, ...], bytes] = {}
    found = []
    for place, chunk in chunk_of.items():
        at = {
            name: layout.others[name][index] if layout.others[name] else float(index)
            for name, index in zip(layout.dimensions, place, strict=True)
            if name in layout.others
        }
        found.append(Value(at, _value(layout, place, chunk, known, read)))
    return tuple(found)


def _value(
    layout: Layout, place: tuple[int, ...], at: tuple[int, ...], known: dict[tuple[int, ...], bytes], read: ReadRange
) -> float | None:
    import numpy as np

    storage = layout.storage
    chunk = storage.chunks.get(at)
    if chunk is None:
        return None
    dtype, flat = np.dtype(storage.dtype), 0
    for index, size in zip(place, storage.chunk_shape, strict=True):
        flat = flat * size + index % size
    if storage.filters:
        if at not in known:
            known[at] = unpacked(storage, chunk, read(chunk.offset, chunk.size))
        content = known[at][flat * dtype.itemsize : (flat + 1) * dtype.itemsize]
    else:
        content = read(chunk.offset + flat * dtype.itemsize, dtype.itemsize)
    if len(content) < dtype.itemsize:
        raise BadObject(f"{layout.variable} has a chunk that is shorter than it says")
    number = float(np.frombuffer(content, dtype)[0])
    if number != number or number == layout.fill:
        return None
    return number * layout.scale + layout.offset


def unpacked(storage: Storage, chunk: Chunk, content: bytes) -> bytes:
    """A chunk's values, with its filters undone from the last to the first."""
    for place, (number, parameters) in reversed(list(enumerate(storage.filters))):
        if chunk.mask >> place & 1:
            continue
        if number == _DEFLATE:
            try:
                content = zlib.decompress(content)
            except zlib.error as error:
                raise BadObject(f"a chunk at byte {chunk.offset} is damaged: {error}") from None
        elif number == _SHUFFLE:
            content = _unshuffled(content, parameters[0] if parameters else 1)
        elif number == _FLETCHER32:
            content = content[:-4]
        else:
            raise BadObject(
                f"a chunk is packed with the filter {_FILTERS.get(number, number)}, which this reader lacks"
            )
    return content


def _unshuffled(content: bytes, size: int) -> bytes:
    import numpy as np

    whole = len(content) // size * size
    turned = np.frombuffer(content[:whole], "u1").reshape(size, -1).T.tobytes()
    return turned + content[whole:]


def packed(layout: Layout) -> bytes:
    """A layout as it is kept; `BadObject` for one that is too large to be."""
    storage = layout.storage
    chunks = sorted(storage.chunks.items())
    document = {
        "variable": layout.variable, "units": layout.units, "dimensions": layout.dimensions, "shape": layout.shape,
        "grid": grids.to_json(layout.grid), "others": layout.others, "fill": layout.fill, "scale": layout.scale,
        "offset": layout.offset, "dtype": storage.dtype, "chunk_shape": storage.chunk_shape, "filters": storage.filters,
        "chunks": [[*at, each.offset, each.size, each.mask] for at, each in chunks],
    }  # fmt: skip
    content = zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 6)
    if len(content) > LARGEST_BYTES:
        raise BadObject(f"{layout.variable} has {len(chunks)} chunks, of which too much would have to be kept")
    return content


def unpack(content: bytes) -> Layout:
    """The inverse of `packed`."""
    document = json.loads(zlib.decompress(content))
    storage = Storage(
        document.pop("dtype"),
        tuple(document.pop("chunk_shape")),
        tuple((number, tuple(parameters)) for number, parameters in document.pop("filters")),
        dict(_chunks(document.pop("chunks"))),
    )
    return Layout(
        storage=storage,
        grid=grids.from_json(document.pop("grid")),
        dimensions=tuple(document.pop("dimensions")),
        shape=tuple(document.pop("shape")),
        others={name: tuple(values) for name, values in document.pop("others").items()},
        **document,
    )


def _chunks(rows: list[list[int]]) -> Iterator[tuple[tuple[int, ...], Chunk]]:
    for *at, offset, size, mask in rows:
        yield tuple(at), Chunk(offset, size, mask)
