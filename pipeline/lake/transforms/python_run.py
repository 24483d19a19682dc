"""Run a team's Python function on the staged rows, as Arrow record batches, in Spark's workers.

A batch that the function gets has rows of one object, in their order, so that whatever it gives is of that object: so
a newer version's rows replace an older one's without the function knowing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.lake.datasets.system_columns import ORDER_COLUMN
from pipeline.lake.datasets.types import Type
from pipeline.lake.transforms.code import Code, TransformFailed
from pipeline.lake.transforms.python_code import executed, handed_on, told

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

POSITION = "_sluice_position"
"""Where a row stands in its object."""
SAMPLE_ROWS = 1000
"""That the function is given to see which columns it gives, where nothing says it."""
_OF_A_ROW = 1_000_000
"""Positions that one row's place is spread over: a function may make several rows of one."""

Function = Callable[[Any], Any]


def function_of(code: Code) -> Function:
    """The function that the code names. `TransformFailed` if the file cannot be run, or has none of that name."""
    try:
        found = executed(code, {"__name__": code.file.removesuffix(".py").replace("/", ".")}).get(code.function)
    except BaseException as error:
        raise TransformFailed(told(code, error)) from error
    if not callable(found):
        raise TransformFailed(f"{code.file} has no function {code.function}")
    return found  # type: ignore[no-any-return]


def called(code: Code, function: Function, batch: pa.RecordBatch) -> pa.Table:
    """What the function makes of a batch, as a table. Errors of the function as they are; `TypeError` for no table."""
    import pyarrow as pa

    given = function(batch)
    if isinstance(given, pa.RecordBatch):
        return pa.Table.from_batches([given])
    if isinstance(given, pa.Table):
        return given
    raise TypeError(f"{code.function} gave {type(given).__name__}, and not a pyarrow.RecordBatch or Table")


def columns_given(code: Code, sample: pa.Table) -> dict[str, Type]:
    """The columns that the function gives for `sample`, rows of one object without Sluice's own columns.

    A column without any value there has no type: it has to be declared.
    """
    import pyarrow as pa

    from pipeline.lake.datasets.arrow import type_of

    function = function_of(code)
    try:
        made = called(code, function, sample.combine_chunks().to_batches()[0])
        untyped = [field.name for field in made.schema if pa.types.is_null(field.type)]
        if untyped:
            raise TransformFailed(
                f"{code.file} gives {untyped[0]} without a value in the first {sample.num_rows} rows",
                hint="Say its type under transform.columns.",
            )
        return {field.name: type_of(field.type) for field in made.schema}
    except TransformFailed:
        raise
    except BaseException as error:
        raise TransformFailed(told(code, error)) from error


def mapped(code: Code, rows: DataFrame, columns: Mapping[str, Type]) -> DataFrame:
    """The rows that the function gives, with `columns`, the order of their object and their place in it.

    `rows` have both. What the function raises comes with the first action, and `python_code.brought` reads it.
    """
    import pyarrow as pa
    from pyspark.sql.pandas.types import from_arrow_schema

    from pipeline.lake.datasets.arrow import arrow_type

    fields = [pa.field(name, arrow_type(kind)) for name, kind in columns.items()]
    schema = pa.schema([*fields, pa.field(ORDER_COLUMN, pa.string()), pa.field(POSITION, pa.int64())])

    def work(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            function = function_of(code)
            for batch in batches:
                for part in _by_object(batch):
                    yield from _made(code, function, part, schema).to_batches()
        except TransformFailed as error:
            raise handed_on(code, error.__cause__ or error) from None
        except BaseException as error:
            raise handed_on(code, error) from None

    return rows.mapInArrow(work, from_arrow_schema(schema))


def _by_object(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The parts of a batch with rows of one object each."""
    orders = batch.column(ORDER_COLUMN).to_pylist()
    start = 0
    for at in range(1, len(orders) + 1):
        if at == len(orders) or orders[at] != orders[start]:
            yield batch.slice(start, at - start)
            start = at


def _made(code: Code, function: Function, part: pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    own = (ORDER_COLUMN, POSITION)
    made = called(code, function, part.select([name for name in part.schema.names if name not in own]))
    wanted = [name for name in schema.names if name not in own]
    if sorted(made.column_names) != sorted(wanted):
        raise TypeError(f"{code.function} gave columns {sorted(made.column_names)}, and {sorted(wanted)} are wanted")
    order, place = part.column(ORDER_COLUMN)[0].as_py(), part.column(POSITION)[0].as_py() * _OF_A_ROW
    arrays = {name: _cast(made.column(name), schema.field(name)) for name in wanted}
    arrays[ORDER_COLUMN] = pa.array([order] * made.num_rows, pa.string())
    arrays[POSITION] = pa.array(range(place, place + made.num_rows), pa.int64())
    return pa.table([arrays[name] for name in schema.names], schema=schema)


def _cast(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    import pyarrow as pa

    try:
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # What Arrow says of it quotes the value.
        raise TypeError(f"column {field.name}: {column.type} that is no {field.type} without loss") from None
