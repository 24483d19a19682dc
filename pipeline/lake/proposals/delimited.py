"""How a text of delimited cells, or of columns as wide in each line, is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.lake.proposals.contents import Content
from pipeline.lake.proposals.dialects import find_dialect
from pipeline.lake.proposals.drafts import Draft
from pipeline.lake.proposals.encodings import Encoding, decode, find_encoding
from pipeline.lake.proposals.fixed_widths import find_widths, fixed_rows
from pipeline.lake.proposals.layouts import Layout, find_layout
from pipeline.lake.proposals.names import Named, name_by_place, name_columns
from pipeline.lake.proposals.rows import Dialect, Row, cut, lines_of

_START = 2 * 1024 * 1024
_END = 64 * 1024
_LOOKED_AT = 3000
"""Lines from which the layout is found."""

_CALLED = {"\t": "tabs", " ": "spaces", ",": "commas", ";": "semicolons", "|": "bars"}


def draft_delimited(content: Content) -> Draft:
    """The draft of a file of text: CSV, TSV, or of fixed widths."""
    encoding = find_encoding(content.data)
    text = decode(content.data[:_START], encoding.name)
    lines = lines_of(text)
    if len(content.data) > _START:
        lines = lines[:-1]
    lines = lines[:_LOOKED_AT]
    found = find_dialect(lines)
    doubts = (encoding.doubt,) if encoding.doubt else ()
    is_cut = found.is_cut and found.dialect.delimiter != " "
    if not is_cut and (widths := find_widths(lines)):
        return _fixed(content, encoding, lines, widths, doubts)
    layout = find_layout(_rows(content, encoding, found.rows, found.dialect, len(lines)), whole=content.whole)
    options = {**_dialect(content, found.dialect), **_written(encoding), **_layout(layout)}
    columns = _columns(layout, found.rows)
    return Draft(options, columns, f"cut by {_called(found.dialect)}", (*doubts, *found.doubts, *layout.doubts))


def _fixed(
    content: Content, encoding: Encoding, lines: Sequence[str], widths: tuple[int, ...], doubts: tuple[str, ...]
) -> Draft:
    rows = fixed_rows(lines, widths)
    layout = find_layout(rows, whole=content.whole and len(lines) < _LOOKED_AT)
    options = {"format": "fixed", "widths": list(widths), **_written(encoding), **_layout(layout)}
    how = f"columns of {', '.join(map(str, widths))} characters"
    return Draft(options, _columns(layout, rows), how, (*doubts, *layout.doubts))


def _rows(content: Content, encoding: Encoding, rows: Sequence[Row], dialect: Dialect, looked_at: int) -> Sequence[Row]:
    """The first rows, and where there are more the last ones, which tell of a footer."""
    if len(content.data) <= _START and looked_at < _LOOKED_AT:
        return rows
    last = lines_of(decode(content.data[-_END:], encoding.name))[1:][-50:]
    tail = cut(last, dialect) or []
    after = rows[-1].line + 1 if rows else 1
    return [*rows, *(Row(after + row.line, row.cells, row.text) for row in tail)]


def _dialect(content: Content, dialect: Dialect) -> dict[str, Any]:
    is_tabbed = dialect.delimiter == "\t" and content.name.endswith((".tsv", ".tab"))
    options: dict[str, Any] = {"format": "tsv" if is_tabbed else "csv"}
    if dialect.delimiter != "," and not is_tabbed:
        options["delimiter"] = dialect.delimiter
    if dialect.quote != '"':
        options["quote"] = dialect.quote
    if dialect.escape != "double":
        options["escape"] = dialect.escape
    return options


def _written(encoding: Encoding) -> dict[str, Any]:
    return {} if encoding.name == "utf-8" else {"encoding": encoding.name}


def _layout(layout: Layout) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if not layout.has_header:
        options["header"] = False
        if layout.preamble and layout.header > 0:
            options["skip_rows"] = layout.header
    elif layout.preamble:
        options["header"] = layout.header
    if layout.comment:
        options["comment"] = layout.comment
    if layout.skip_footer:
        options["skip_footer"] = layout.skip_footer
    return options


def _columns(layout: Layout, rows: Sequence[Row]) -> tuple[Named, ...]:
    named = name_columns(layout.names, by_name=layout.has_header)
    taken = {each.name for each in named if each}
    columns = []
    for place, each in enumerate(named, 1):
        if each is None and _is_filled(rows, place, layout):
            each = name_by_place(place, taken)
            taken.add(each.name)
        if each is not None:
            columns.append(each)
    return tuple(columns)


def _is_filled(rows: Sequence[Row], place: int, layout: Layout) -> bool:
    below = (row for row in rows if row.line >= layout.first)
    return any(len(row.cells) >= place and row.cells[place - 1].strip() for row in below)


def _called(dialect: Dialect) -> str:
    return _CALLED.get(dialect.delimiter, repr(dialect.delimiter))
