"""How a netCDF file is a table: a row for each point of the dimensions of its data, a column for each variable on them.

Coordinates stand in each of the rows that they are of. Bounds, and what describes a grid, are no columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.core.errors import BadObject
from pipeline.core.netcdf.calendars import STANDARD, TimeUnits, days_of, parse_units, text_of
from pipeline.core.netcdf.conventions import data_variables, text_attribute
from pipeline.core.netcdf.model import NetcdfFile, Variable
from pipeline.core.netcdf.packed_values import unpacked

TILE_POINTS = 1 << 18
"""Points that are read at once, if chunks are not larger. It decides the order of rows, and so stays as it is."""
LARGEST_CHUNK = 256 * 1024 * 1024
"""Bytes of a chunk that is unpacked at once."""
_EPOCH_S = days_of(STANDARD, 1970, 1, 1) * 86400
_REFORM_S = days_of(STANDARD, 1582, 10, 15) * 86400
_LAST_S = days_of(STANDARD, 9999, 12, 31) * 86400 + 86399


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A variable as a column. `dimensions` are those of rows that it has; text of single characters has one more.

    `time` is what its numbers count, if they are times.
    """

    variable: Variable
    dimensions: tuple[str, ...]
    is_characters: bool
    time: TimeUnits | None

    @property
    def type(self) -> pa.DataType:
        """Arrow's type of its values."""
        if self.time:
            return pa.timestamp("us", "UTC") if self.time.calendar == STANDARD else pa.string()
        if self.variable.dtype.kind in "SO":
            # Bytes, whose rows are bad where they are no UTF-8.
            return pa.binary()
        return pa.from_numpy_dtype(unpacked(self.variable, np.zeros(0, self.variable.dtype))[0].dtype)


@dataclass(frozen=True, slots=True)
class Table:
    """The dimensions of rows, how long each is, how many points are read at once along it, and the columns."""

    dimensions: tuple[str, ...]
    shape: tuple[int, ...]
    tile: tuple[int, ...]
    columns: tuple[TableColumn, ...]

    def schema(self) -> pa.Schema:
        """The columns by the names of their variables."""
        return pa.schema([pa.field(each.variable.name, each.type) for each in self.columns])

    def units(self) -> Mapping[str, str]:
        """The units of the columns that have some; those of times are said by their type."""
        return {
            each.variable.name: units
            for each in self.columns
            if each.time is None and (units := text_attribute(each.variable, "units"))
        }


def table_of(file: NetcdfFile, records: str | None) -> Table:
    """The table of a file: its rows are the points of the variable `records`, or of all that have data.

    `BadObject` if these have other dimensions each, or what is asked for is not there.
    """
    data = data_variables(file)
    row = _row_variable(file, data, records)
    dimensions = _row_dimensions(row)
    if len(set(dimensions)) < len(dimensions):
        raise BadObject(f"{row.name} has a dimension twice, {_said(dimensions)}: its points have no coordinates")
    if records is None:
        for each in data:
            if set(_row_dimensions(each)) != set(dimensions):
                raise BadObject(
                    f"{row.name} has the dimensions {_said(dimensions)}, and {each.name} has "
                    f"{_said(_row_dimensions(each))}: they are no rows of one table",
                    hint="Say `records: <variable>` in the definition, a dataset for each.",
                )
    shape = row.shape[: len(dimensions)]
    storage = row.storage() if row.dtype.kind != "O" else None
    if storage is not None and storage.filters and storage.chunk_bytes > LARGEST_CHUNK:
        raise BadObject(
            f"a chunk of {row.name} has {storage.chunk_bytes >> 20} MiB, and {LARGEST_CHUNK >> 20} are read"
        )
    chunk = storage.chunk_shape[: len(shape)] if storage is not None and storage.filters else (1,) * len(shape)
    return Table(dimensions, shape, _tile(shape, chunk), tuple(_columns(file, dimensions)))


def _row_variable(file: NetcdfFile, data: Sequence[Variable], records: str | None) -> Variable:
    if records is not None:
        if records in file.unread:
            raise BadObject(f"`records` names {records}, which has {file.unread[records]}: these are no rows")
        if records not in file.variables or not _row_dimensions(file.variables[records]):
            raise BadObject(f"the file has no variable {records} with dimensions, which `records` names")
        return file.variables[records]
    if file.groups:
        raise BadObject(
            f"the file has groups ({', '.join(file.groups[:5])}), whose variables are not read",
            hint="If those of its root are what is wanted, say `records: <variable>`, one of them.",
        )
    if file.unread:
        said = "; ".join(f"{name} has {what}" for name, what in list(file.unread.items())[:5])
        raise BadObject(
            f"the file has variables that are not read: {said}",
            hint="If the others are what is wanted, say `records: <variable>`, one of them; or write the file without, "
            f"such as by `ncks -x -v {next(iter(file.unread))}`.",
        )
    if not data:
        raise BadObject("the file has no variable with data")
    return data[0]


def _is_characters(variable: Variable) -> bool:
    return bool(variable.dtype.kind == "S" and variable.dtype.itemsize == 1 and variable.shape)


def _row_dimensions(variable: Variable) -> tuple[str, ...]:
    if not variable.shape:
        return ()
    found = variable.dimensions()
    if len(found) != len(variable.shape):
        raise BadObject(f"{variable.name} does not say which its dimensions are")
    return found[:-1] if _is_characters(variable) else found


def _said(dimensions: Sequence[str]) -> str:
    return f"({', '.join(dimensions)})"


def _columns(file: NetcdfFile, rows: Sequence[str]) -> Iterator[TableColumn]:
    attributes = ("bounds", "climatology", "grid_mapping")
    apart = {text_attribute(each, name) for each in file.variables.values() for name in attributes}
    for variable in file.variables.values():
        if variable.name in apart or "grid_mapping_name" in variable.attributes:
            continue
        dimensions = _row_dimensions(variable)
        if set(dimensions) <= set(rows) and len(set(dimensions)) == len(dimensions):
            if variable.dtype.kind not in "iufSO":
                raise BadObject(f"{variable.name} has values of a type that is not read: {variable.dtype}")
            yield TableColumn(variable, dimensions, _is_characters(variable), _time(variable))


def _time(variable: Variable) -> TimeUnits | None:
    units = text_attribute(variable, "units")
    if " since " not in units or variable.dtype.kind not in "iuf":
        return None
    try:
        return parse_units(units, text_attribute(variable, "calendar") or STANDARD, variable.name)
    except BadObject:
        # Such as months, which have no fixed length: they are numbers, and their units are kept beside.
        return None


def _tile(shape: Sequence[int], chunk: Sequence[int]) -> tuple[int, ...]:
    """How much is read at once: whole chunks, of the last dimensions as many as there are."""
    tile = [max(1, min(size, length)) for size, length in zip(chunk, shape, strict=True)]
    for axis in reversed(range(len(shape))):
        times = max(1, min(ceil(shape[axis] / tile[axis]), TILE_POINTS // prod(tile)))
        tile[axis] = max(1, min(shape[axis], tile[axis] * times))
        if tile[axis] < shape[axis]:
            break
    return tuple(tile)


def batches_of(table: Table, rows: int) -> Iterator[pa.RecordBatch]:
    """The rows, so many at once, tile after tile."""
    names = [each.variable.name for each in table.columns]
    for place in _tiles(table):
        shape = tuple(each.stop - each.start for each in place)
        parts = [_part(each, dict(zip(table.dimensions, place, strict=True))) for each in table.columns]
        for first in range(0, prod(shape), rows):
            at = np.unravel_index(np.arange(first, min(first + rows, prod(shape))), shape)
            along = dict(zip(table.dimensions, at, strict=True))
            columns = [_column(each, *part, along) for each, part in zip(table.columns, parts, strict=True)]
            yield pa.record_batch(columns, names=names)


def _tiles(table: Table) -> Iterator[tuple[slice, ...]]:
    counts = [ceil(length / size) for length, size in zip(table.shape, table.tile, strict=True)]
    for number in range(prod(counts)):
        at = np.unravel_index(number, counts)
        yield tuple(
            slice(int(index) * size, min((int(index) + 1) * size, length))
            for index, size, length in zip(at, table.tile, table.shape, strict=True)
        )


def _part(column: TableColumn, place: Mapping[str, slice]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """A column's values of a tile, along its own dimensions, and which are missing."""
    variable = column.variable
    chosen = [place[name] for name in column.dimensions]
    if column.is_characters:
        chosen.append(slice(0, variable.shape[-1]))
    data = np.asarray(variable.part(tuple(chosen)) if chosen else variable.values())
    if variable.dtype.kind in "SO":
        return (_joined(data) if column.is_characters else data), None
    return unpacked(variable, data)


def _joined(data: NDArray[Any]) -> NDArray[Any]:
    """Text of its characters; what fills it at the end is no part of it."""
    width = data.shape[-1]
    if not width:
        return np.full(data.shape[:-1], b"", dtype=object)
    return np.ascontiguousarray(data).view(f"S{width}")[..., 0].astype(object)


def _column(
    column: TableColumn,
    data: NDArray[Any],
    missing: NDArray[np.bool_] | None,
    along: Mapping[str, NDArray[Any]],
) -> pa.Array:
    count = len(next(iter(along.values())))
    at = tuple(along[name] for name in column.dimensions)
    values = data[at] if at else np.full(count, data[()], dtype=data.dtype)
    if missing is None:
        return pa.array([each if isinstance(each, bytes) else str(each).encode() for each in values], pa.binary())
    mask = missing[at] if at else np.full(count, bool(missing[()]))
    if column.time:
        return _times(column, values, mask)
    return pa.array(values, column.type, mask=mask)


def _times(column: TableColumn, values: NDArray[Any], mask: NDArray[np.bool_]) -> pa.Array:
    """Timestamps; of another calendar than that of all days as text, which has its dates."""
    assert column.time
    mask = mask | ~np.isfinite(values)
    values = np.where(mask, values.dtype.type(0), values)
    if column.time.calendar == STANDARD:
        return pa.array(_microseconds(column.variable.name, column.time, values, mask), pa.int64(), mask=mask).cast(
            column.type
        )
    known, back = np.unique(values, return_inverse=True)
    used = set(back[~mask].tolist())
    moments = {place: text_of(column.time.moment(known[place].item()), column.time.calendar) for place in used}
    shown = [None if absent else moments[place] for place, absent in zip(back.tolist(), mask.tolist(), strict=True)]
    return pa.array(shown, column.type)


def _microseconds(name: str, units: TimeUnits, values: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Microseconds since 1970, rounded. Whole units and parts of one are added apart: a double holds not both."""
    step = int(units.seconds * 1_000_000)
    epoch = round((units.epoch - _EPOCH_S) * 1_000_000)
    low, high = (float((end - units.epoch) / units.seconds) for end in (_REFORM_S, _LAST_S + 1))
    if bool(((values < low) | (values >= high))[~mask].any()):
        raise BadObject(f"{name} has a time before 1582-10-15 or after 9999")
    values = np.where(mask, values.dtype.type(0), values)
    whole = values if values.dtype.kind != "f" else np.floor(values.astype(np.float64))
    found: NDArray[np.int64] = whole.astype(np.int64) * step + epoch
    return found if values.dtype.kind != "f" else found + np.rint((values - whole) * step).astype(np.int64)
