"""Where the table is in an Excel workbook: the sheet, the header, lines above it and below."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from pipeline.core.errors import BadInput, BadObject
from pipeline.lake.files.limits import Limits
from pipeline.lake.proposals.contents import Content
from pipeline.lake.proposals.drafts import Draft
from pipeline.lake.proposals.layouts import columns_of_layout, find_layout
from pipeline.lake.proposals.rows import Row

_FIRST = 3000
_LAST = 50
"""Rows of a sheet that are looked at: the first ones, and the last, which tell of a footer."""


def draft_workbook(content: Content) -> Draft:
    """The draft of a workbook: of the first sheet that holds a table, if there are several."""
    # It loads lxml, which no other format needs.
    from pipeline.lake.files.readers.xlsx_workbook import Workbook

    try:
        with content.path.open("rb") as file:
            book = Workbook(file, Limits())
            sheets = {name: _rows(book.rows(path)) for name, path in book.sheets().items()}
    except BadObject as error:
        raise BadInput(f"{content.path}: {error.message}", hint=error.hint) from error
    filled = [name for name, rows in sheets.items() if rows]
    if not filled:
        raise BadInput(f"{content.path} is empty", hint="A sample needs at least one row.")
    tables = [name for name in filled if sum(row.filled > 1 for row in sheets[name]) > 1]
    sheet = (tables or filled)[0]
    layout = find_layout(sheets[sheet], whole=True)
    options: dict[str, Any] = {"format": "xlsx"}
    doubts: list[str] = []
    if len(sheets) > 1:
        options["sheet"] = sheet
        doubts.append(f"the workbook has the sheets {', '.join(sheets)}; {sheet} is read")
    options |= layout.options()
    columns = columns_of_layout(layout, sheets[sheet])
    return Draft(options, columns, f"sheet {sheet}", (*doubts, *layout.doubts))


def _rows(rows: Iterable[tuple[int, dict[int, Any]]]) -> list[Row]:
    """Rows by their numbers in the sheet, all as wide as the widest that is looked at."""
    first: list[tuple[int, dict[int, Any]]] = []
    last: deque[tuple[int, dict[int, Any]]] = deque(maxlen=_LAST)
    for row in rows:
        (first if len(first) < _FIRST else last).append(row)
    found = [*first, *last]
    width = max((place + 1 for _, cells in found for place in cells), default=0)
    return [_row(number, cells, width) for number, cells in found]


def _row(number: int, cells: dict[int, Any], width: int) -> Row:
    texts = tuple(cells[place].text if place in cells else "" for place in range(width))
    return Row(number, texts, "\t".join(texts))
