"""One value of a query's answer, whole: tables have it cut, so that a page stays small."""

from __future__ import annotations

from pipeline.console.console import PageRequest
from pipeline.console.pages import Document, link, page
from pipeline.core.errors import BadInput, Refused
from pipeline.operate.query_output import texts_of

LONGEST = 1_000_000
"""Characters of a value that its page has; the downloads have more."""


def build(request: PageRequest) -> Document:
    """A value. Parameters: its `row` and its `column`, both counted from 1."""
    query = request.console.queries.find(request.path["id"])
    if query.status != "SUCCEEDED":
        raise Refused(f"the query has no answer: it is {query.status}", hint="Run it again.")
    columns, rows = query.answer["columns"], query.answer["rows"]
    if not rows or not columns:
        raise BadInput("the answer has no values", hint="Run a query that has rows.")
    row, column = request.number("row", 1, most=rows), request.number("column", 1, most=len(columns))
    batch = next(iter(query.batches(row - 1))).slice(0, 1).select([column - 1])
    text = next(iter(texts_of(batch)))[0]
    return {
        "title": f"Row {row:,}, {columns[column - 1]['name']}",
        "back": link(f"/query/{query.id}"),
        "row": row,
        "column": columns[column - 1],
        "characters": len(text) if text is not None else 0,
        "text": text[:LONGEST] if text is not None else None,
    }


ROUTES = page("/query/{id}/value", "value.html", build)
