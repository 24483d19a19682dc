"""How a text of delimited cells, or of columns as wide in each line, is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.lake.proposals.contents import Content
from pipeline.lake.proposals.dialects import find_dialect
from pipeline.lake.proposals.drafts import Draft
from pipeline.lake.proposals.encodings import Encoding, decode, find_encoding
from pipeline.lake.proposals.fixed_widths import find_widths, fixed_rows
from pipeline.lake.proposals.layouts import columns_of_layout, find_layout
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
    doubts = (*((encoding.doubt,) if encoding.doubt else ()), *_in_brackets(lines))
    # Single spaces delimit; where more stand together they fill up columns.
    is_cut = found.is_cut and not (found.dialect.delimiter == " " and any("  " in line.strip() for line in lines))
    if not is_cut and (widths := find_widths(lines)):
        return _fixed(content, encoding, lines, widths, doubts)
    layout = find_layout(_rows(content, encoding, found.rows, found.dialect, len(lines)), whole=content.whole)
    options = {**_dialect(content, found.dialect), **_written(encoding), **layout.options()}
    columns = columns_of_layout(layout, found.rows)
    return Draft(options, columns, f"cut by {_called(found.dialect)}", (*doubts, *found.doubts, *layout.doubts))


def _in_brackets(lines: Sequence[str]) -> list[str]:
    """A doubt where each line is in brackets, as SQL writes the rows that it inserts."""
    rows = [line.strip().rstrip(",;") for line in lines if line.strip()]
    if len(rows) < 2 or not all(row.startswith("(") and row.endswith(")") for row in rows):
        return []
    return ["each line is in brackets, as rows of SQL are: the first and the last cells have them too"]


def _fixed(
    content: Content, encoding: Encoding, lines: Sequence[str], widths: tuple[int, ...], doubts: tuple[str, ...]
) -> Draft:
    rows = fixed_rows(lines, widths)
    layout = find_layout(rows, whole=content.whole and len(lines) < _LOOKED_AT)
    options = {"format": "fixed", "widths": list(widths), **_written(encoding), **layout.options()}
    how = f"columns of {', '.join(map(str, widths))} characters"
    return Draft(options, columns_of_layout(layout, rows), how, (*doubts, *layout.doubts))


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


def _called(dialect: Dialect) -> str:
    return _CALLED.get(dialect.delimiter, repr(dialect.delimiter))
