"""Write the staged files: Parquet row groups on a thread of their own, and bad rows as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.lake.datasets.arrow import arrow_type
from pipeline.lake.datasets.model import ROW_COLUMN
from pipeline.lake.datasets.names import safe_name
from pipeline.lake.datasets.types import Array, Primitive, Struct, Type
from pipeline.lake.files.allocation import Allowance
from pipeline.lake.files.limits import MIB
from pipeline.lake.files.readers.base import BadRow, Chunk

_SAMPLE = 20_000
"""Values by which a column is judged to repay a dictionary."""

_REPAYS = 0.3
"""Share of distinct values up to which it does: above, building it costs more than it saves."""


_BATCH = 16 * 1024
"""Values that are encoded at once: a little less than the time that a thousand at once take together."""

_GROWTH = 160 * MIB
"""Memory that a conversion takes from its first row to its last, while nothing in it is larger than usual."""

NO_NOTES: Mapping[str, str] = {}
_TOLD = 3
"""Bad rows that the error of a refused file tells of."""


class Misfit(Exception):
    """A chunk cannot be brought to the schema without looking at its source again."""


class ParquetFile:
    """The staged Parquet. The schema stands once the first row group is written."""

    def __init__(self, path: Path, metadata: Mapping[str, str], row_group: int) -> None:
        self._path = path
        self._metadata = metadata
        self._row_group = row_group
        self._chunks: list[Chunk] = []
        self._size = 0
        self._allowance = Allowance(_GROWTH)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="parquet")
        self._writing: Future[None] | None = None
        self._writer: pq.ParquetWriter | None = None
        self._schema: dict[str, Type] | None = None
        self.rows = 0
        self.columns: Mapping[str, str] = {}
        """Those of the finished file but for ROW_COLUMN, in its order, as Spark's type strings."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._writer:
            self._writer.close()

    def add(self, chunk: Chunk, schema: Mapping[str, Type]) -> None:
        """Take rows in order. Misfit if rows written before, or these, do not fit `schema`."""
        if self._schema is not None and self._schema != schema:
            raise Misfit
        if len(chunk.positions):
            self._chunks.append(chunk)
            self._size += chunk.table.nbytes
            self.rows += len(chunk.positions)
        if self._size >= self._row_group:
            self._flush(schema)

    def finish(self, schema: Mapping[str, Type], notes: Mapping[str, str] = NO_NOTES) -> None:
        """Write what is left and close, with `notes` in the file's metadata. Misfit as `add`."""
        if self._schema is not None and self._schema != schema:
            raise Misfit
        if self._chunks or self._schema is None:
            self._write(self._due(schema))
        self._wait()
        assert self._writer
        assert self._schema is not None
        self.columns = {name: str(kind) for name, kind in self._schema.items()}
        self._writer.add_key_value_metadata({**notes, **self._metadata})
        self._writer.close()
        self._writer = None

    def _flush(self, schema: Mapping[str, Type]) -> None:
        table = self._due(schema)
        self._allowance.check()
        self._writing = self._thread.submit(self._write, table)

    def _due(self, schema: Mapping[str, Type]) -> pa.Table:
        """The rows since the last row group, once that is written."""
        # Once written, columns keep their order: one of the contract that comes late stands where it was missed.
        self._schema = self._schema or dict(schema)
        table = _row_group(self._chunks, self._schema)
        self._chunks, self._size = [], 0
        self._wait()
        if self._writer is None:
            self._writer = _open(self._path, table)
        return table

    def _write(self, table: pa.Table) -> None:
        assert self._writer
        if table.num_rows:
            self._writer.write_table(table, row_group_size=table.num_rows)

    def _wait(self) -> None:
        writing, self._writing = self._writing, None
        if writing:
            writing.result()


class BadRowsFile:
    """Bad rows as JSON lines of {line, reason, raw}."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")
        self._told: list[str] = []
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def told(self) -> str:
        """What others may read of the first ones."""
        return "; ".join(self._told)

    def add(self, rows: Sequence[BadRow]) -> None:
        """Append rows, each a JSON line with its place, its reason and its text."""
        for row in rows:
            line = {"line": row.line, "reason": row.reason, "raw": row.raw}
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.rows += len(rows)
        self._told += [f"line {row.line}: {row.told}" for row in rows[: _TOLD - len(self._told)]]


def _row_group(chunks: Sequence[Chunk], schema: Mapping[str, Type]) -> pa.Table:
    columns = {
        name: pa.chunked_array([part for chunk in chunks for part in _fitted(chunk, name, to)], type=arrow_type(to))
        for name, to in schema.items()
    }
    # Not `pa.array`, which imports pandas where there is one.
    positions = pa.chunked_array(
        [
            pa.Array.from_buffers(pa.int64(), len(each), [None, pa.py_buffer(each)])
            for each in (c.positions for c in chunks)
        ],
        type=pa.int64(),
    )
    return pa.table({**columns, ROW_COLUMN: positions})


def _fitted(chunk: Chunk, name: str, to: Type) -> Iterator[pa.Array]:
    if name not in chunk.table.column_names:
        yield pa.nulls(len(chunk.positions), arrow_type(to))
        return
    for part in chunk.table.column(name).chunks:
        yield fit(part, to)


def fit(column: pa.Array, to: Type) -> pa.Array:
    """Bring values read with a narrower schema to a wider one; nothing but nulls and exact doubles is added."""
    target = arrow_type(to)
    if column.type.equals(target):
        return column
    if column.null_count == len(column):
        return pa.nulls(len(column), target)
    mask = column.is_null() if column.null_count else None
    if isinstance(to, Array) and pa.types.is_list(column.type):
        return pa.ListArray.from_arrays(column.offsets, fit(column.values, to.element), type=target, mask=mask)
    if isinstance(to, Struct) and pa.types.is_struct(column.type):
        present = {safe_name(part.name): column.field(index) for index, part in enumerate(column.type)}
        children = [
            fit(present[field.name], field.type) if field.name in present else pa.nulls(len(column), part.type)
            for field, part in zip(to.fields, target, strict=True)
        ]
        return pa.StructArray.from_arrays(children, fields=list(target), mask=mask)
    if to is Primitive.DOUBLE and pa.types.is_integer(column.type):
        return column.cast(target)
    if to is Primitive.STRING and pa.types.is_struct(column.type) and not column.type.num_fields:
        return pc.if_else(column.is_valid(), "{}", pa.scalar(None, pa.string()))
    raise Misfit


def _open(path: Path, first: pa.Table) -> pq.ParquetWriter:
    leaves = [leaf for name in first.column_names for leaf in _leaves(first.column(name).slice(0, _SAMPLE), name)]
    repaying = [path for path, sample in leaves if path != ROW_COLUMN and _repays(sample)]
    return pq.ParquetWriter(
        path,
        first.schema,
        compression="zstd",
        use_dictionary=repaying,
        write_batch_size=_BATCH,
        # Positions only grow: their differences take a byte or two where plain ones take eight. Text is plain:
        # DELTA_LENGTH_BYTE_ARRAY would be written in three quarters of the time, but Spark 3.5 fails to read Arrow's.
        column_encoding={ROW_COLUMN: "DELTA_BINARY_PACKED"},
        store_schema=False,
        # Stage B reads every row. They would cost a sixth of the writer's time.
        write_statistics=False,
    )


def _leaves(sample: pa.ChunkedArray, path: str) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """The leaves under `path` as Parquet names them, each with values of its own."""
    if pa.types.is_struct(sample.type):
        for part, values in zip(sample.type, sample.flatten(), strict=True):
            yield from _leaves(values, f"{path}.{part.name}")
    elif pa.types.is_map(sample.type):
        entries = [chunk.keys for chunk in sample.chunks], [chunk.items for chunk in sample.chunks]
        yield from _leaves(pa.chunked_array(entries[0], sample.type.key_type), f"{path}.key_value.key")
        yield from _leaves(pa.chunked_array(entries[1], sample.type.item_type), f"{path}.key_value.value")
    elif pa.types.is_list(sample.type):
        yield from _leaves(pc.list_flatten(sample).slice(0, _SAMPLE), f"{path}.list.element")
    else:
        yield path, sample


def _repays(sample: pa.ChunkedArray) -> bool:
    return len(sample) > 0 and pc.count_distinct(sample).as_py() <= _REPAYS * len(sample)
