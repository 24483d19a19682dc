"""Which column identifies rows, which one parts the table, and which rules hold, as far as a sample shows it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.lake.datasets.dataset_names import DatasetName
from pipeline.lake.proposals.checks import Column

KEY_ROWS = 100
"""Fewer rows than this show no key: ids of anything stand once in a few rows."""

RULE_ROWS = 20
"""Fewer rows than this show no rule about values."""

PARTITION_ROWS = 10_000
"""Rows of each day from which on a table is worth parting by it."""

FEW_VALUES = 8
"""A column of more different values than this gets no list of them."""

COMPLETE_RULES = 10

_OWN = frozenset({"id", "uuid", "guid", "_id", "row_id", "record_id"})
_IDS = ("id", "uuid", "guid", "key", "no", "nr", "number", "nummer", "code")
_NAMES = re.compile(r"(^|_)(id|ids|key|uuid|guid|code|number|no|nr|nummer|sku|ean|isbn)$")
_LISTABLE = re.compile(r"[^\"'\\\x00-\x1f]{1,40}")


@dataclass(frozen=True, slots=True)
class Key:
    """`column` is proposed as the key if it `is_strong`; else it is only told. `why` says in words what was found."""

    column: str | None
    is_strong: bool
    why: str


def find_key(columns: Sequence[Column], table: pa.Table, name: DatasetName) -> Key:
    """The column named as the dataset's own id that stands once in each row. Ids of something else are no keys."""
    own = [column for column in columns if _is_own(column.name, name) and _identifies(column)]
    unique = [column.name for column in own if is_unique(table, column.name)]
    if not unique:
        seen = f"{own[0].name} does not stand once in each row" if own else "no column is named as the dataset's own id"
        return Key(None, False, f"none: {seen}; rows are appended")
    found = unique[0]
    if table.num_rows < KEY_ROWS:
        rows = "row shows" if table.num_rows == 1 else "rows show"
        return Key(found, False, f"none: {found} stands once, but {table.num_rows:,} {rows} little; rows are appended")
    return Key(found, True, f"{found}: stands once in the {table.num_rows:,} rows of the sample, which proves nothing")


def is_unique(table: pa.Table, name: str) -> bool:
    """Whether every row has a value of its own in the column."""
    values = table.column(name)
    return not values.null_count and len(values) > 0 and pc.count_distinct(values).as_py() == len(values)


def find_partition(columns: Sequence[Column], table: pa.Table) -> str | None:
    """A date with many rows a day, if there is one."""
    for column in columns:
        if column.type == "date" and column.name in table.column_names:
            values = table.column(column.name)
            days = pc.count_distinct(values).as_py()
            if not values.null_count and days > 1 and days * PARTITION_ROWS <= len(values):
                return column.name
    return None


def rules(columns: Sequence[Column], table: pa.Table, key: Key) -> Iterator[str]:
    """Rules in DQDL that hold for the sample, and that are likely to hold for later files."""
    yield "RowCount > 0"
    complete = [column for column in columns if _is_complete(column, table)]
    if table.num_rows < RULE_ROWS:
        complete = [column for column in complete if column.name == key.column]
    first = sorted(complete, key=lambda column: column.name != key.column)
    yield from (f'IsComplete "{column.name}"' for column in first[:COMPLETE_RULES])
    if key.is_strong:
        yield f'IsUnique "{key.column}"'
    for column in complete:
        if column.name != key.column and (values := _few_values(column, table)):
            listed = ", ".join(f'"{value}"' for value in values)
            yield f'ColumnValues "{column.name}" in [{listed}]'


def _is_own(column: str, name: DatasetName) -> bool:
    """Whether it is `id`, or the id of what the dataset is called after."""
    dataset = name.dataset.replace("-", "_")
    stems = {dataset, dataset.removesuffix("s"), dataset.removesuffix("es")}
    stems |= {dataset.removesuffix("ies") + "y"} if dataset.endswith("ies") else set()
    stems |= {stem.rsplit("_", 1)[-1] for stem in stems}
    return column in _OWN or any(column in (f"{stem}_{word}", f"{stem}{word}") for stem in stems for word in _IDS)


def _identifies(column: Column) -> bool:
    return column.type in ("bigint", "string", "int") and not column.absent


def _is_complete(column: Column, table: pa.Table) -> bool:
    return "<" not in column.type and not column.absent and not table.column(column.name).null_count


def _few_values(column: Column, table: pa.Table) -> list[str]:
    """The values of a column of words that has few different ones."""
    if column.type != "string" or column.doubts or _NAMES.search(column.name) or table.num_rows < RULE_ROWS:
        return []
    values = table.column(column.name)
    count = pc.count_distinct(values).as_py()
    if not 1 < count <= FEW_VALUES or count * 5 > table.num_rows:
        return []
    different = sorted(pc.unique(values).to_pylist())
    return different if all(_LISTABLE.fullmatch(value) for value in different) else []
