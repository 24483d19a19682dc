"""Query: SQL over the lake's tables. Only a form runs a query, so that no link on another page can."""

from __future__ import annotations

import getpass
import re
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from pipeline.console.console import Console, PageRequest
from pipeline.console.pages import ActionResult, Document, action, link, page
from pipeline.console.queries import MOST_SECONDS, Query
from pipeline.console.query_charts import chart_of
from pipeline.console.query_child import BYTES, ROWS
from pipeline.core.clock import iso
from pipeline.core.errors import BadInput, Refused
from pipeline.operate.query_guard import LONGEST
from pipeline.operate.query_output import csv, texts_of
from pipeline.operate.query_types import quoted
from pipeline.operate.saved_queries import SavedQueries, SavedQuery
from pipeline.operate.table_columns import described

PAGE_ROWS = 100
PAGE_CELLS = 1200
PAGE_COLUMNS = 200
PAGE_CHARACTERS = 60_000
LISTED_TABLES = 200
LISTED_COLUMNS = 500
SHOWN_SQL = 16_000
LISTED_SQL = 200
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def build(request: PageRequest) -> Document:
    """The editor, filled with the parameters `sql` and `as_of`, or with the query that is `saved` by a name. Nothing is
    run; a process is started for the next query."""
    request.console.queries.warm(request.connected)
    sql, as_of = request.query.get("sql", ""), request.query.get("as_of", "")
    saved = SavedQueries(request.lake).get(name) if (name := request.query.get("saved")) else None
    if saved:
        return _document(request, saved.name, saved.sql, None, None, saved.as_of, saved) | {"ended": True}
    if len(sql) > SHOWN_SQL:
        raise BadInput(f"a link's query has at most {SHOWN_SQL:,} characters", hint="Paste it on the page instead.")
    return _document(request, "Query", sql, None, None, as_of) | {"ended": True}


def build_one(request: PageRequest) -> Document:
    """A running query, or one page of its answer. Parameters: `page`, from 1."""
    query = request.console.queries.find(request.path["id"])
    # Asked first: one that ends while the page is put together may be shown as running, and the page has to go on.
    ended = query.done.is_set()
    if ended:
        request.console.queries.warm(request.connected)
    shown = "Query" if query.status == "RUNNING" else f"Query, {query.status.lower().replace('_', ' ')}"
    document = _document(request, shown, query.sql, _one(query), _rows(request, query), query.as_of)
    return document | {"chart": _chart(query), "ended": ended}


def _chart(query: Query) -> dict[str, Any] | None:
    if query.status != "SUCCEEDED" or query.explain:
        return None
    return chart_of(
        query.answer["columns"], lambda rows, columns: list(_slice(query, 0, rows, columns)), query.answer["rows"]
    )


def _document(
    request: PageRequest,
    title: str,
    sql: str,
    run: dict[str, Any] | None,
    rows: dict[str, Any] | None,
    as_of: str = "",
    saved: SavedQuery | None = None,
) -> dict[str, Any]:
    return {
        "title": title,
        "as_of": as_of,
        "share": link("/query", sql=sql, as_of=as_of) if sql.strip() and len(sql) <= SHOWN_SQL else None,
        "saved": saved.to_json() if saved else None,
        "saved_queries": [{**each.to_json(), "sql": _shortened(each.sql)} for each in SavedQueries(request.lake).all()],
        "sql": sql[:SHOWN_SQL],
        "sql_cut": len(sql) > SHOWN_SQL,
        "limits": {"rows": ROWS, "bytes": BYTES, "seconds": MOST_SECONDS, "characters": LONGEST},
        **_tables(request),
        "run": run,
        "answer": rows,
        "chart": None,
        "queries": [_listed(query) for query in request.console.queries.newest()],
    }


def _tables(request: PageRequest) -> dict[str, Any]:
    """The tables and columns beside the editor, up to the limits of a page."""
    every, left, tables = described(request.lake), LISTED_COLUMNS, []
    for table in every[:LISTED_TABLES]:
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
    return {"tables": tables, "more_tables": len(every) - len(tables)}


def _shortened(sql: str) -> str:
    return " ".join(sql.split())[:LISTED_SQL]


def _listed(query: Query) -> dict[str, Any]:
    return {"id": query.id, "sql": _shortened(query.sql), "status": query.status, **_times(query)}


def _times(query: Query) -> dict[str, Any]:
    running = query.status == "RUNNING"
    # Whole seconds while it runs: a live page is sent again whenever it changes.
    return {"started": iso(query.started), "seconds": int(query.took) if running else round(query.took, 3)}


def _one(query: Query) -> dict[str, Any]:
    facts = {name: query.answer.get(name) for name in ("error", "hint", "rows", "cut", "plan", "place")}
    return {"id": query.id, "status": query.status, **_times(query), **facts, "meant": _meant(query)}


def _meant(query: Query) -> list[dict[str, str]]:
    """What may have been meant, each with a link to the query with that in its place."""
    place, sql = query.answer.get("place"), query.sql
    found = []
    for name in query.answer.get("meant") or ():
        to = f"/query/{query.id}"
        if place:
            start, end = place["start"], place["start"] + place["length"]
            mended = f"{sql[:start]}{_in_place_of(sql[start:end], name)}{sql[end:]}"
            to = link("/query", sql=mended, as_of=query.as_of) if len(mended) <= SHOWN_SQL else to
        found.append({"name": name, "to": to})
    return found


def _in_place_of(there: str, name: str) -> str:
    """A name with what stands before it in the query (the `o.` of `o.prise`), quoted where it has to be."""
    if "." in name:
        return name
    plain = _PLAIN.fullmatch(name) is not None
    before = there.rpartition(".")[0] if "(" not in there else ""
    return f"{before + '.' if before else ''}{name if plain else quoted(name)}"


def _rows(request: PageRequest, query: Query) -> dict[str, Any] | None:
    """One page of the answer: long values are cut, with the number of characters that are left out."""
    if query.status != "SUCCEEDED" or query.explain:
        return None
    columns = query.answer["columns"]
    shown = columns[:PAGE_COLUMNS]
    size = max(min(PAGE_ROWS, PAGE_CELLS // max(len(shown), 1)), 1)
    total = query.answer["rows"]
    pages = max(-(-total // size), 1)
    number = request.number("page", 1, most=pages)
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


def run(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Start the query in the field `sql`, of the tables `as_of` a batch or time; with `explain` it is not run.

    `BadInput` for an empty one, `Refused` while too many run.
    """
    sql = fields.get("sql", "")
    if not sql.strip():
        raise BadInput("there is no query", hint="Write one SELECT, such as: select * from team.dataset limit 10")
    as_of = fields.get("as_of", "").strip()
    queries, explain = request.console.queries, bool(fields.get("explain"))
    started = queries.start(request.connected, sql, request.now, as_of=as_of, explain=explain)
    return ActionResult(f"/query/{started.id}", "")


def save(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Save a query by the field `name`, for all who use the lake; one of that name only if it is to `replace` it."""
    saved = SavedQueries(request.lake).save(
        fields.get("name", ""),
        fields.get("sql", ""),
        fields.get("as_of", ""),
        getpass.getuser(),
        replace=bool(fields.get("replace")),
    )
    return ActionResult(link("/query", saved=saved.name), "It is saved, for all who use this lake.")


def delete(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Delete the saved query `name`."""
    SavedQueries(request.lake).delete(fields.get("name", ""))
    return ActionResult("/query", "It is deleted.")


def cancel(request: PageRequest, _fields: Mapping[str, str]) -> ActionResult:
    """Cancel the query `id`, if it is still running."""
    query = request.console.queries.find(request.path["id"])
    stopped = query.stop("CANCELLED")
    query.done.wait(5)
    return ActionResult(
        f"/query/{query.id}", "The query was cancelled." if stopped else "It had ended already.", good=stopped
    )


def _answered(request: Request) -> Query:
    console: Console = request.app.state.console
    query = console.queries.find(request.path_params["id"])
    if query.status != "SUCCEEDED":
        raise Refused(f"the query has no answer: it is {query.status}", hint="Run it again.")
    if query.explain:
        raise Refused("the query was explained, and not run", hint="Run it.")
    return query


async def as_csv(request: Request) -> Response:
    """Download a query's answer as CSV. Cells that spreadsheets would run are escaped, unless `formulas=keep`."""
    query = _answered(request)
    names = [column["name"] for column in query.answer["columns"]]
    formulas = request.query_params.get("formulas") == "keep"
    body = (text.encode() for text in csv(names, query.batches(), formulas=formulas))
    return StreamingResponse(body, headers=_named(query, "csv"), media_type="text/csv; charset=utf-8; header=present")


async def as_parquet(request: Request) -> Response:
    """Download a query's answer as the Parquet file that its process wrote."""
    query = _answered(request)
    contents = await run_in_threadpool(query.contents)
    body = iter(lambda: contents.read(1 << 20), b"")
    headers = {**_named(query, "parquet"), "content-length": str(len(contents))}
    return StreamingResponse(body, headers=headers, media_type="application/vnd.apache.parquet")


def _named(query: Query, kind: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="query-{query.id}.{kind}"'}


ROUTES = [
    Route("/query/{id:str}.csv", as_csv),
    Route("/query/{id:str}.parquet", as_parquet),
    action("/query", run, changes=False),
    action("/query/save", save),
    action("/query/delete", delete),
    action("/query/{id}/cancel", cancel, changes=False),
    *page("/query", "query.html", build),
    *page("/query/{id}", "query.html", build_one, live=True),
]
