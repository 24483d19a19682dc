"""What becomes of values and columns that are not as a dataset declares them: a bad row, null, or `_rescued`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column, StageA
from pipeline.lake.datasets.system_columns import RESCUED_COLUMN, ROW_COLUMN
from pipeline.lake.datasets.types import Primitive, Type
from pipeline.lake.files.casts import BadValue
from pipeline.lake.files.typed_texts import texts_of

FILE_KEY, ROW_KEY = "_sluice_file", ROW_COLUMN
"""Where a row stood, beside what of it was rescued; no column of a file has such names."""

_MISSING = BadValue(None, "is missing, and the column is required")

Places = NDArray[np.int64]

BadValues = Mapping[int, BadValue]
"""By the index of the row in its block."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What a dataset says of it. `required` are the columns without which a row is bad."""

    declared: frozenset[str]
    required: frozenset[str]
    bad_value: str
    new_column: str

    @classmethod
    def of(cls, settings: StageA, contract: Mapping[str, Column]) -> Tolerance:
        """From a definition."""
        required = frozenset(name for name, column in contract.items() if column.required)
        return cls(frozenset(contract), required, settings.on_bad_value, settings.on_new_column)

    @property
    def rescues_columns(self) -> bool:
        """Whether columns that the contract lacks go into `_rescued`."""
        return self.new_column == "rescue"

    def schema(self, found: Mapping[str, Type]) -> Mapping[str, Type]:
        """The columns of the table, of those that the file and the contract have."""
        if not (self.rescues_columns or self.bad_value == "rescue"):
            return found
        kept = {name: kind for name, kind in found.items() if name in self.declared or not self.rescues_columns}
        return {**kept, RESCUED_COLUMN: Primitive.STRING}

    def bad_rows(self, table: pa.Table, found: Mapping[str, BadValues]) -> dict[int, list[tuple[str, BadValue]]]:
        """The rows that do not reach the table, and what is wrong with each, column by column."""
        rows: dict[int, list[tuple[str, BadValue]]] = {}
        for name, values in found.items():
            if self.bad_value == "quarantine" or name in self.required:
                for row, value in values.items():
                    rows.setdefault(row, []).append((name, value))
        for name in sorted(self.required):
            for row in _empty(table, name):
                if row not in found.get(name, {}):
                    rows.setdefault(int(row), []).append((name, _MISSING))
        return rows

    def nulled(self, found: Mapping[str, BadValues], bad: Collection[int]) -> dict[str, int]:
        """How many values of each column are lost to the table, in rows that reach it; `bad` are those that do not."""
        if self.bad_value != "null":
            return {}
        counts = {name: len(values.keys() - bad) for name, values in found.items() if values}
        return {name: count for name, count in counts.items() if count}

    def rescue(
        self, table: pa.Table, places: NDArray[np.int64], found: Mapping[str, BadValues], where: Where
    ) -> pa.Table:
        """With what has no column of its own as JSON text in `_rescued`, where there is any."""
        rows: dict[int, dict[str, object]] = {}
        if self.bad_value == "rescue":
            for name, values in found.items():
                for row, value in values.items():
                    rows.setdefault(row, {})[name] = value.text
        new = [name for name in table.column_names if self.rescues_columns and name not in self.declared]
        for name in new:
            key = where.key(name, self.declared)
            for row, text in enumerate(texts_of(table.column(name).combine_chunks()).to_pylist()):
                if text is not None:
                    rows.setdefault(row, {})[key] = text
        if new:
            table = table.drop_columns(new)
        if not rows:
            return table
        texts: list[str | None] = [None] * len(places)
        for row, kept in rows.items():
            texts[row] = json.dumps({**kept, **where.place(int(places[row]))}, ensure_ascii=False)
        return table.append_column(RESCUED_COLUMN, pa.array(texts, pa.string()))


@dataclass(frozen=True, slots=True)
class Where:
    """The file that rows are from, and what it calls the columns whose names in the table are others."""

    file: str
    headers: Mapping[str, str]

    def key(self, name: str, declared: frozenset[str]) -> str:
        """What a new column is called in `_rescued`: as in the file, unless a column of the contract is called so."""
        header = self.headers.get(name, name)
        return name if header in declared or header in (FILE_KEY, ROW_KEY) else header

    def place(self, row: int) -> dict[str, object]:
        """Where a row stood."""
        return {**({FILE_KEY: self.file} if self.file else {}), ROW_KEY: row}


def check_share(settings: StageA, bad: int, total: int | None = None, *, told: str) -> None:
    """BadObject for more bad rows than `max_bad_rows`; a share is known only when `total` is. `told` is of some."""
    most = settings.max_bad_rows
    if most is None or not bad:
        return
    if isinstance(most, int):
        over = bad > most
    else:
        over = total is not None and bad * 100 > Fraction(most.removesuffix("%")) * total
    if over:
        count = f"at least {bad:,}" if total is None else f"{bad:,} of {total:,}"
        raise BadObject(
            f"{count} rows are bad, and the dataset says `max_bad_rows: {most}`: {told}",
            hint="Mend the file, or the definition if it is what is wrong.",
        )


def _empty(table: pa.Table, name: str) -> list[int]:
    if name not in table.column_names:
        return list(range(table.num_rows))
    column = table.column(name)
    if not column.null_count:
        return []
    rows: list[int] = np.flatnonzero(column.is_null().to_numpy()).tolist()
    return rows
