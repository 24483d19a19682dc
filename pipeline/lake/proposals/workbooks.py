"""Where the table is in an Excel workbook: the sheet, the header, lines above it and below."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from pipeline.core.errors import BadInput
from pipeline.lake.proposals.contents import Content
from pipeline.lake.proposals.drafts import Draft
from pipeline.lake.proposals.layouts import columns_of_layout, find_layout
from pipeline.lake.proposals.rows import Row

_LOOKED_AT = 3000


def draft_workbook(content: Content) -> Draft:
    """The draft of a workbook: of the first sheet that holds a table, if there are several."""
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_path(str(content.path))
        sheets = {
            name: _rows(book.get_sheet_by_name(name).to_python(skip_empty_area=False)) for name in book.sheet_names
        }
    except (python_calamine.CalamineError, OSError) as error:
        raise BadInput(f"{content.path} is no workbook that can be read: {error}") from error
    filled = [name for name, rows in sheets.items() if any(not row.is_blank for row in rows)]
    if not filled:
        raise BadInput(f"{content.path} is empty", hint="A sample needs at least one row.")
    sheet = max(filled, key=lambda name: (sum(row.filled > 1 for row in sheets[name]) > 1, -filled.index(name)))
    rows = sheets[sheet]
    layout = find_layout(rows, whole=True)
    options: dict[str, Any] = {"format": "xlsx"}
    doubts: list[str] = []
    if len(sheets) > 1:
        options["sheet"] = sheet
        doubts.append(f"the workbook has the sheets {', '.join(sheets)}; {sheet} is read")
    options |= layout.options()
    return Draft(options, columns_of_layout(layout, rows), f"sheet {sheet}", (*doubts, *layout.doubts))


def _rows(cells: list[list[Any]]) -> list[Row]:
    """Rows by their numbers in the sheet, as wide as the last of their cells that has something in it."""
    rows = []
    width = max((place for row in cells for place, cell in enumerate(row, 1) if cell != ""), default=0)
    for number, row in enumerate(cells, 1):
        texts = tuple(map(_text, row[:width]))
        rows.append(Row(number, texts, "\t".join(texts)))
    return rows


def _text(cell: Any) -> str:
    match cell:
        case bool():
            return "true" if cell else "false"
        case float() if cell.is_integer():
            return str(int(cell))
        case datetime() if cell.time() == time():
            return cell.date().isoformat()
        case datetime() | date() | time():
            return cell.isoformat()
        case timedelta():
            return str(cell)
    return str(cell)
