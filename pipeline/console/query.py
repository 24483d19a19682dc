"""Query: SQL over the lake's tables. A query is run by a form alone, so that no link of another page runs one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from pipeline.console.console import Asked, Console
from pipeline.console.pages import Document, Done, action, page
from pipeline.console.queries import MOST_SECONDS, Query
from pipeline.console.query_child import BYTES, ROWS
from pipeline.core.clock import iso
from pipeline.core.errors import BadInput, Refused
from pipeline.operate.query_guard import LONGEST
from pipeline.operate.query_output import csv, texts_of
from pipeline.operate.table_columns import described

PAGE_ROWS = 100
PAGE_CELLS = 1200
PAGE_COLUMNS = 200
PAGE_CHARACTERS = 60_000
LISTED_TABLES = 200
LISTED_COLUMNS = 500
SHOWN_SQL = 16_000
LISTED_SQL = 200


def build(asked: Asked) -> Document:
    """The editor, with a query filled in that a link gives. A process is made ready, and nothing runs."""
    asked.console.queries.warm(asked.connected)
    sql = asked.query.get("sql", "")
    if len(sql) > SHOWN_SQL:
        raise BadInput(f"a link's query has at most {SHOWN_SQL:,} characters", hint="Paste it on the page instead.")
    return _document(asked, "Query", sql, None, None) | {"ended": True}


def build_one(asked: Asked) -> Document:
    """A query as it runs, or one page of its answer."""
    found = asked.console.queries.find(asked.path["id"])
    if found.done.is_set():
        asked.console.queries.warm(asked.connected)
    shown = "Query" if found.status == "RUNNING" else f"Query, {found.status.lower().replace('_', ' ')}"
    return _document(asked, shown, found.sql, _one(found), _rows(asked, found)) | {"ended": found.done.is_set()}


def _document(
    asked: Asked, title: str, sql: str, run: dict[str, Any] | None, rows: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "title": title,
        "sql": sql[:SHOWN_SQL],
        "sql_cut": len(sql) > SHOWN_SQL,
        "limits": {"rows": ROWS, "bytes": BYTES, "seconds": MOST_SECONDS, "characters": LONGEST},
        **_tables(asked),
        "run": run,
        "answer": rows,
        "queries": [_listed(query) for query in asked.console.queries.newest()],
    }


def _tables(asked: Asked) -> dict[str, Any]:
    """Tables and columns beside the editor, as far as a page holds them."""
    found, left, tables = described(asked.lake), LISTED_COLUMNS, []
    for table in found[:LISTED_TABLES]:
        columns = table.columns or ()
        shown = [{"name": name, "type": kind[:80]} for name, kind in columns[:left]]
        left -= len(shown)
        tables.append(
            {
                "name": table.name,
                "columns": shown,
                "more": len(columns) - len(shown),
                "there": table.columns is not None,
            }
        )
    return {"tables": tables, "more_tables": len(found) - len(tables)}


def _listed(query: Query) -> dict[str, Any]:
    return {"id": query.id, "sql": " ".join(query.sql.split())[:LISTED_SQL], "status": query.status, **_times(query)}


def _times(query: Query) -> dict[str, Any]:
    running = query.status == "RUNNING"
    # Whole seconds while it runs: a live page is sent again when it reads differently.
    return {"started": iso(query.started), "seconds": int(query.took) if running else round(query.took, 3)}


def _one(query: Query) -> dict[str, Any]:
    told = query.told
    facts = {name: told.get(name) for name in ("error", "hint", "rows", "cut")}
    return {"id": query.id, "status": query.status, **_times(query), **facts}


def _rows(asked: Asked, query: Query) -> dict[str, Any] | None:
    """One page of the answer: long values are cut, and said to be."""
    if query.status != "SUCCEEDED":
        return None
    columns = query.told["columns"]
    shown = columns[:PAGE_COLUMNS]
    size = max(min(PAGE_ROWS, PAGE_CELLS // max(len(shown), 1)), 1)
    total = query.told["rows"]
    pages = max(-(-total // size), 1)
    number = asked.number("page", 1, most=pages)
    first = (number - 1) * size
    most = max(PAGE_CHARACTERS // (size * max(len(shown), 1)), 40)
    rows = [[_cell(text, most) for text in row] for row in _slice(query, first, size, len(shown))]
    return {
        "columns": shown,
        "more_columns": len(columns) - len(shown),
        "page": number,
        "pages": pages,
        "first": first + 1,
        "rows": rows,
        "values_cut_at": most,
    }


def _slice(query: Query, first: int, size: int, columns: int) -> Iterator[list[str | None]]:
    left = size
    for batch in query.batches(first):
        part = batch.slice(0, left).select(range(columns))
        left -= part.num_rows
        yield from texts_of(part)
        if not left:
            return


def _cell(text: str | None, most: int) -> dict[str, Any]:
    if text is None:
        return {"text": None, "cut": 0}
    return {"text": text[:most], "cut": max(len(text) - most, 0)}


def run(asked: Asked, fields: Mapping[str, str]) -> Done:
    sql = fields.get("sql", "")
    if not sql.strip():
        raise BadInput("there is no query", hint="Write one SELECT, such as: select * from team.dataset limit 10")
    return Done(f"/query/{asked.console.queries.start(asked.connected, sql, asked.now).id}", "")


def cancel(asked: Asked, _fields: Mapping[str, str]) -> Done:
    found = asked.console.queries.find(asked.path["id"])
    stopped = found.stop("CANCELLED")
    found.done.wait(5)
    return Done(f"/query/{found.id}", "The query was cancelled." if stopped else "It had ended already.", good=stopped)


def _answered(request: Request) -> Query:
    console: Console = request.app.state.console
    found = console.queries.find(request.path_params["id"])
    if found.status != "SUCCEEDED":
        raise Refused(f"the query has no answer: it is {found.status}", hint="Run it again.")
    return found


async def as_csv(request: Request) -> Response:
    found = _answered(request)
    names = [column["name"] for column in found.told["columns"]]
    formulas = request.query_params.get("formulas") == "keep"
    body = (text.encode() for text in csv(names, found.batches(), formulas=formulas))
    return StreamingResponse(body, headers=_named(found, "csv"), media_type="text/csv; charset=utf-8; header=present")


async def as_parquet(request: Request) -> Response:
    found = _answered(request)
    contents = await run_in_threadpool(found.contents)
    body = iter(lambda: contents.read(1 << 20), b"")
    headers = {**_named(found, "parquet"), "content-length": str(len(contents))}
    return StreamingResponse(body, headers=headers, media_type="application/vnd.apache.parquet")


def _named(query: Query, kind: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="query-{query.id}.{kind}"'}


ROUTES = [
    Route("/query/{id:str}.csv", as_csv),
    Route("/query/{id:str}.parquet", as_parquet),
    action("/query", run, changes=False),
    action("/query/{id}/cancel", cancel, changes=False),
    *page("/query", "query.html", build),
    *page("/query/{id}", "query.html", build_one, live=True),
]
