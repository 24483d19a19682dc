"""Raw files of one dataset before they are written: what `sources` generates, and many of them put together.

Spark takes seconds for a batch, however small: `together` makes one dataset of many, whose rows it has side by side.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from tests.stages.rows.plain.reading import NULL, Num, safe

ROW = "n"
"""A column of every file, with a value of its own in every row: by it a row of the table is known."""


@dataclass(frozen=True)
class RawFile:
    """`text` has NULL for a cell with nothing in it, and bytes that are no UTF-8 as surrogates.

    The greater the `order`, the newer the file.
    """

    text: str
    order: int

    @property
    def data(self) -> bytes:
        return self.text.replace(f'"{NULL}"', "").replace(NULL, "").encode(errors="surrogateescape")


@dataclass(frozen=True)
class Kind:
    """What cases must have in common to be put together: `keys` are the key's columns with their types."""

    form: str
    delimiter: str
    keys: dict[str, str]


@dataclass(frozen=True)
class Row:
    """A row's values by column; `odd` chooses one of the ways in which it is no row, if it is none."""

    values: dict[str, Any]
    odd: int | None = None


@dataclass(frozen=True)
class Draft:
    """A file before it is written. `names` are the columns besides ROW; a JSON file without `separator` has a row a
    line, of which the first has its `mark` alone."""

    order: int
    mark: str
    names: tuple[str, ...]
    rows: tuple[Row, ...]
    line_end: str
    quoted: bool
    ascii_only: bool
    separator: str | None

    def write(self, kind: Kind) -> RawFile:
        return RawFile(self._csv(kind.delimiter) if kind.form == "csv" else self._json(), self.order)

    def _csv(self, delimiter: str) -> str:
        written = io.StringIO()
        quoting = csv.QUOTE_ALL if self.quoted else csv.QUOTE_MINIMAL
        writer = csv.writer(written, delimiter=delimiter, lineterminator=self.line_end, quoting=quoting)
        writer.writerow([ROW, *self.names])
        for row in self.rows:
            cells = [_cell(row.values.get(name)) for name in (ROW, *self.names)]
            # Unquoted, an empty cell is null.
            cells = [cell if cell or self.quoted else NULL for cell in cells]
            odd = [cells[:-1], [*cells, "x"], [*cells[:-1], "\udcff"]]
            writer.writerow(cells if row.odd is None else odd[row.odd % len(odd)])
        return written.getvalue()

    def _json(self) -> str:
        odd = ODD_LINES if self.separator is None else ODD_ITEMS
        texts = [
            json_text(row.values, self.ascii_only) if row.odd is None else odd[row.odd % len(odd)] for row in self.rows
        ]
        if self.separator is not None:
            return f"[{self.separator.join(texts)}]"
        # An object that breaks off in the first line would make the file one that spans lines.
        return "\n".join([json_text({ROW: self.mark}, True), *texts]) + "\n"


@dataclass(frozen=True)
class Case:
    """A dataset, with the types of the columns that it declares, and the files of its batches."""

    kind: Kind
    declared: dict[str, str]
    drafts: tuple[tuple[Draft, ...], ...]

    @property
    def definition(self) -> dict[str, Any]:
        columns: dict[str, Any] = {safe(name): {"type": type, "optional": True} for name, type in self.declared.items()}
        columns |= {name: {"type": type} for name, type in self.kind.keys.items()}
        return {
            "team": "team",
            "dataset": "set",
            "stage_a": {"format": self.kind.form, "delimiter": self.kind.delimiter, "columns": columns},
            "table": {"write": "upsert", "key": [*self.kind.keys]} if self.kind.keys else {},
        }

    @property
    def columns(self) -> set[str]:
        """Those that are declared or in a file, as the files name them, besides ROW."""
        return {*self.declared, *(name for batch in self.drafts for draft in batch for name in draft.names)}

    @property
    def batches(self) -> tuple[tuple[RawFile, ...], ...]:
        return tuple(tuple(draft.write(self.kind) for draft in batch) for batch in self.drafts)


ODD_ITEMS = [f'{{"{ROW}":1,"{ROW}":2}}', f'{{"{ROW}":NaN}}', "7", f'{{"{ROW}":1e400}}', f'{{"{ROW}":"\\ud800"}}']
ODD_LINES = ["{", "[1]", f'{{"{ROW}":NaN}}', f'{{"{ROW}":"\udcff"}}', f'{{"{ROW}":1}}}}', ""]


CASE = "c"
"""A column of the key where cases are put together, so that no row of one takes the place of another's."""

_ORDERS = ((3, 0, 4), (1, 5, 2))
"""Of the files of each batch, where cases are put together: a later batch has older files, too."""


def together(found: Sequence[Case]) -> Case:
    """One case with the columns, under names of their own, and the rows of all, which are of one kind.

    The first that has a column keeps its name.
    """
    renamed: list[Case] = []
    for number, case in enumerate(found):
        taken = {column for one in renamed for column in one.columns}
        renamed.append(_renamed(case, number, taken))
    drafts = []
    for number, orders in enumerate(_ORDERS):
        files = zip_longest(*(case.drafts[number] for case in renamed))
        drafts.append(tuple(_joined([*filter(None, each)], order) for each, order in zip(files, orders, strict=False)))
    kind = renamed[0].kind
    declared = {name: type for case in renamed for name, type in case.declared.items()}
    return Case(replace(kind, keys={**kind.keys, CASE: "string"}) if kind.keys else kind, declared, tuple(drafts))


def _renamed(case: Case, number: int, taken: set[str]) -> Case:
    def name(column: str) -> str:
        return f"{column}_{number}" if column in taken and column not in case.kind.keys else column

    def row(one: Row) -> Row:
        values = {name(column): value for column, value in one.values.items()}
        values[ROW] = f"{number}/{one.values[ROW]}"
        return Row(values | ({CASE: str(number)} if case.kind.keys else {}), one.odd)

    drafts = [
        tuple(replace(draft, names=tuple(map(name, draft.names)), rows=tuple(map(row, draft.rows))) for draft in batch)
        for batch in case.drafts
    ]
    declared = {name(column): type for column, type in case.declared.items()}
    return Case(case.kind, declared, tuple(drafts))


def _joined(drafts: Sequence[Draft], order: int) -> Draft:
    """One file with the columns and rows of all, written as the first would be."""
    names = dict.fromkeys(name for draft in drafts for name in draft.names)
    keyed = [CASE] if any(CASE in row.values for draft in drafts for row in draft.rows) else []
    rows = tuple(row for draft in drafts for row in draft.rows)
    return replace(drafts[0], order=order, names=(*names, *keyed), rows=rows)


def _cell(value: Any) -> str:
    if value is None:
        return NULL
    return value if isinstance(value, str) else json_text(value, False)


def json_text(value: Any, ascii_only: bool) -> str:
    """Compact JSON, with numbers as they are written."""
    if isinstance(value, Num):
        return str(value)
    if isinstance(value, list):
        return f"[{','.join(json_text(item, ascii_only) for item in value)}]"
    if isinstance(value, dict):
        pairs = (f"{json_text(name, ascii_only)}:{json_text(item, ascii_only)}" for name, item in value.items())
        return "{" + ",".join(pairs) + "}"
    return json.dumps(value, ensure_ascii=ascii_only)
