"""The layout of a variable in its file: what is needed to read the values at a place, without the file's metadata."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from pipeline.core.errors import BadObject
from pipeline.core.netcdf.conventions import check_numbers
from pipeline.core.netcdf.filters import DEFLATE, FLETCHER32, SHUFFLE, lacking
from pipeline.core.netcdf.model import Chunk, NetcdfFile, Storage, Variable
from pipeline.forecasts import grids
from pipeline.forecasts.curvilinear import Curvilinear
from pipeline.forecasts.grids import Grid
from pipeline.forecasts.times import places_of

LARGEST_BYTES = 350_000
"""Of a layout that is kept: an item of DynamoDB has 400 KB."""
MOST_READS = 200
"""That the values of one place may need: with more, an answer would take too long."""
_CHECKSUM = 4
"""Bytes of Fletcher-32's."""

ReadRange = Callable[[int, int], bytes]
NOWHERE: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Layout:
    """One variable's. `others` are the dimensions beside those of grid and time, with the values along them, or none.

    `moments` are places along `time_dimensions`, those of more than one time, by time and run as the index has them.
    """

    variable: str
    units: str
    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    storage: Storage
    grid: Grid | Curvilinear
    others: Mapping[str, tuple[float, ...]]
    fill: float | None = None
    scale: float = 1.0
    offset: float = 0.0
    time_dimensions: tuple[str, ...] = ()
    moments: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def place_of(self, time: str, run: str) -> Mapping[str, int]:
        """Where a time of a run is along the dimensions of time; `BadObject` if the file has not the time."""
        if not self.time_dimensions:
            return {}
        found = self.moments.get(f"{time}|{run}")
        if found is None:
            raise BadObject(f"{self.variable} has no values at {time} of the run {run} in the file")
        return dict(zip(self.time_dimensions, found, strict=True))


@dataclass(frozen=True, slots=True)
class Value:
    """A value at the place along the other dimensions; None where the file has none there."""

    at: Mapping[str, float]
    value: float | None


def layout_of(file: NetcdfFile, variable: Variable) -> Layout:
    """The layout of a variable; `BadObject` says why the values at a place cannot be read from it."""
    check_numbers(variable)
    dimensions, attributes = variable.dimensions(), variable.attributes
    grid = grids.grid_of(file, variable)
    lengths = dict(zip(dimensions, variable.shape, strict=True))
    places = places_of(file)
    timed = {name for place in places.values() for name in place}
    in_grid = (grid.x_dimension, grid.y_dimension)
    if timed & {*in_grid}:
        raise BadObject(f"{variable.name} has another time at each point of its grid")
    times = tuple(name for name in dimensions if name in timed and lengths[name] > 1)
    others = [name for name in dimensions if name not in (*in_grid, *times)]
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
        time_dimensions=times,
        moments={
            f"{time}|{run}": tuple(place[name] for name in times) for (time, run), place in places.items() if times
        },
    )


def _along(file: NetcdfFile, name: str) -> tuple[float, ...]:
    """The numbers along a dimension; none where it has no coordinate, or one of text."""
    found = file.variables.get(name)
    if found is None or len(found.shape) != 1 or found.dtype.kind not in "iuf":
        return ()
    return tuple(map(float, found.values().reshape(-1).tolist()))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def values_at(
    layout: Layout, latitude: float, longitude: float, read: ReadRange, at: Mapping[str, int] = NOWHERE
) -> tuple[Value, ...]:
    """The values at the grid point nearest to a place, of every member and level, by one read a chunk.

    `at` is the place along dimensions of time; see `Layout.place_of`.

    `BadInput` for a place outside the grid, `BadObject` for chunks that this reader cannot unpack.
    """
    x, y = layout.grid.nearest(latitude, longitude)
    fixed = {**at, layout.grid.x_dimension: x, layout.grid.y_dimension: y}
    lengths = dict(zip(layout.dimensions, layout.shape, strict=True))
    places = list(product(*([fixed[name]] if name in fixed else range(lengths[name]) for name in layout.dimensions)))
    sizes = layout.storage.chunk_shape
    chunk_of = {place: tuple(at // size for at, size in zip(place, sizes, strict=True)) for place in places}
    if len(set(chunk_of.values()) if layout.storage.filters else places) > MOST_READS:
        raise BadObject(f"{layout.variable} has the values of a place in more than {MOST_READS} parts of the file")
    known: dict[tuple[int, ...], bytes] = {}
    found = []
    for place, chunk in chunk_of.items():
        along = {
            name: layout.others[name][index] if layout.others[name] else float(index)
            for name, index in zip(layout.dimensions, place, strict=True)
            if name in layout.others
        }
        found.append(Value(along, _value(layout, place, chunk, known, read)))
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
        if number == DEFLATE:
            try:
                # No more than a chunk is, with its checksum: another's file may say that it grows beyond all memory.
                content = zlib.decompressobj().decompress(content, storage.chunk_bytes + _CHECKSUM)
            except zlib.error as error:
                raise BadObject(f"a chunk at byte {chunk.offset} is damaged: {error}") from None
        elif number == SHUFFLE:
            content = _unshuffled(content, parameters[0] if parameters else 1)
        elif number == FLETCHER32:
            content = content[:-_CHECKSUM]
        else:
            raise lacking("a chunk", number)
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
        "time_dimensions": layout.time_dimensions, "moments": layout.moments,
    }  # fmt: skip
    content = zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 6)
    if len(content) > LARGEST_BYTES:
        raise BadObject(
            f"{layout.variable} has {len(chunks)} chunks and a grid of {len(layout.grid.x)} by {len(layout.grid.y)} "
            "points, of which too much would have to be kept"
        )
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
        # A layout that an earlier release kept has none.
        time_dimensions=tuple(document.pop("time_dimensions", ())),
        others={name: tuple(values) for name, values in document.pop("others").items()},
        **document,
    )


def _chunks(rows: list[list[int]]) -> Iterator[tuple[tuple[int, ...], Chunk]]:
    for *at, offset, size, mask in rows:
        yield tuple(at), Chunk(offset, size, mask)
