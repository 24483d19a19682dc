"""A field: the values of a variable over its whole grid, at one place along its other dimensions.

It is thinned to what a picture shows, and reads no more of the file than the chunks that have such values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, prod
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import BadInput, BadObject
from pipeline.core.netcdf.model import Chunk, Storage
from pipeline.forecasts.layouts import NOWHERE, Layout, ReadRange, unpacked

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_POINTS = 1500
"""Along an axis, of the field that is given back."""
MOST_BYTES = 64 * 1024 * 1024
"""That are read for a field."""
MOST_REQUESTS = 100
_NEAR = 64 * 1024
"""Chunks that are not further apart are read at once: a request takes longer than so many bytes."""
_AT_ONCE = 8 * 1024 * 1024

Place = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """Values by y and x, NaN where the file has none; `step` is how many points of the grid there are to one of it."""

    values: NDArray[np.float64]
    x: tuple[float, ...]
    y: tuple[float, ...]
    step: int


def slices_of(layout: Layout) -> tuple[Mapping[str, float], ...]:
    """The places along the other dimensions, by their coordinates: each has a field."""
    return tuple(
        {
            name: layout.others[name][index] if layout.others[name] else float(index)
            for name, index in zip(_others(layout), place, strict=True)
        }
        for place in _places(layout)
    )


def field_of(layout: Layout, number: int, read: ReadRange, moment: Mapping[str, int] = NOWHERE) -> Field:
    """The field at the place of that number in `slices_of`, and of `moment` along dimensions of time.

    `BadInput` if there is none, `BadObject` for one that is too large to be read, or packed so that it cannot be.
    """
    import numpy as np

    places = _places(layout)
    if not 0 <= number < len(places):
        raise BadInput(f"{layout.variable} has {len(places)} fields in the file, numbered from 0, and none is {number}")
    at = {**moment, **dict(zip(_others(layout), places[number], strict=True))}
    grid = layout.grid
    step = max(1, ceil(max(len(grid.x), len(grid.y)) / MOST_POINTS))
    field = np.full((len(grid.y[::step]), len(grid.x[::step])), np.nan)
    wanted = [(place, chunk) for place, chunk in layout.storage.chunks.items() if _touches(layout, place, at)]
    for place, content in _read(layout, wanted, at, read):
        _lay(layout, field, place, content, at, step)
    if layout.fill is not None:
        field[field == layout.fill] = np.nan
    field *= layout.scale
    field += layout.offset
    return Field(field, tuple(grid.x[::step]), tuple(grid.y[::step]), step)


def _others(layout: Layout) -> list[str]:
    fixed = (layout.grid.x_dimension, layout.grid.y_dimension, *layout.time_dimensions)
    return [name for name in layout.dimensions if name not in fixed]


def _places(layout: Layout) -> list[Place]:
    from itertools import product

    lengths = dict(zip(layout.dimensions, layout.shape, strict=True))
    return list(product(*(range(lengths[name]) for name in _others(layout))))


def _touches(layout: Layout, place: Place, at: Mapping[str, int]) -> bool:
    """Whether a chunk has values of the field."""
    along = zip(layout.dimensions, place, layout.storage.chunk_shape, strict=True)
    return all(name not in at or at[name] // size == index for name, index, size in along)


def _read(
    layout: Layout, wanted: list[tuple[Place, Chunk]], at: Mapping[str, int], read: ReadRange
) -> Iterator[tuple[Place, NDArray[Any]]]:
    """The values of chunks, each with its place; those that lie near each other are read at once."""
    import numpy as np

    storage = layout.storage
    parts = sorted(((place, *_part(layout, chunk, at)) for place, chunk in wanted), key=lambda part: part[1].offset)
    size = max(sum(chunk.size for _, chunk, _ in parts), storage.chunk_bytes if storage.filters else 0)
    if size > MOST_BYTES:
        raise BadObject(f"a field of {layout.variable} needs {size >> 20} MiB, and {MOST_BYTES >> 20} are read")
    groups = _groups([chunk for _, chunk, _ in parts])
    if len(groups) > MOST_REQUESTS:
        raise BadObject(f"a field of {layout.variable} lies in {len(groups)} places of the file, too many to read")
    left = iter(parts)
    for first, last, count in groups:
        content = read(first, last - first)
        for _ in range(count):
            place, chunk, shape = next(left)
            packed = content[chunk.offset - first : chunk.offset - first + chunk.size]
            plain = unpacked(storage, chunk, packed) if storage.filters else packed
            if len(plain) < prod(shape) * np.dtype(storage.dtype).itemsize:
                raise BadObject(f"{layout.variable} has a chunk that is shorter than it says")
            yield place, np.frombuffer(plain, storage.dtype, prod(shape)).reshape(shape)


def _part(layout: Layout, chunk: Chunk, at: Mapping[str, int]) -> tuple[Chunk, tuple[int, ...]]:
    """What of a chunk is read, and its shape: of one that is not packed no more than its first dimensions ask for."""
    import numpy as np

    storage: Storage = layout.storage
    shape, offset = list(storage.chunk_shape), chunk.offset
    if storage.filters:
        return chunk, tuple(shape)
    itemsize = np.dtype(storage.dtype).itemsize
    for axis, name in enumerate(layout.dimensions):
        if name not in at:
            break
        offset += at[name] % shape[axis] * prod(shape[axis + 1 :]) * itemsize
        shape[axis] = 1
    return Chunk(offset, prod(shape) * itemsize), tuple(shape)


def _groups(chunks: list[Chunk]) -> list[tuple[int, int, int]]:
    """Where reads begin and end that cover chunks in their order, and how many of them each covers."""
    found: list[tuple[int, int, int]] = []
    for chunk in chunks:
        end = chunk.offset + chunk.size
        if found and chunk.offset - found[-1][1] <= _NEAR and end - found[-1][0] <= _AT_ONCE:
            first, last, count = found[-1]
            found[-1] = (first, max(last, end), count + 1)
        else:
            found.append((chunk.offset, end, 1))
    return found


def _lay(
    layout: Layout, field: NDArray[Any], place: Place, content: NDArray[Any], at: Mapping[str, int], step: int
) -> None:
    """Put a chunk's values into the field."""
    grid = layout.grid
    chosen: list[Any] = []
    onto: dict[str, slice] = {}
    for axis, name in enumerate(layout.dimensions):
        size, length = layout.storage.chunk_shape[axis], layout.shape[axis]
        if name in at:
            # Of a chunk that is not packed only this one place was read.
            chosen.append(0 if content.shape[axis] == 1 else at[name] % size)
            continue
        first = place[axis] * size
        skipped = -first % step
        chosen.append(slice(skipped, min(size, length - first), step))
        onto[name] = slice((first + skipped) // step, None)
    values = content[tuple(chosen)]
    kept = [name for name in layout.dimensions if name not in at]
    if kept == [grid.x_dimension, grid.y_dimension]:
        values = values.T
    top, left = onto[grid.y_dimension].start, onto[grid.x_dimension].start
    field[top : top + values.shape[0], left : left + values.shape[1]] = values
