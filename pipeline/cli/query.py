"""`sluice tables` and `sluice query`: read the curated tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from pipeline.cli import completion
from pipeline.cli.app import app
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, errors, print_json, print_table
from pipeline.core.errors import WrongUsage
from pipeline.lake.services import Lake
from pipeline.operate.formatting import counted, moment
from pipeline.operate.look_back import as_of
from pipeline.operate.query import Session, plain
from pipeline.operate.query_errors import WrongQuery
from pipeline.operate.query_output import text_of
from pipeline.operate.saved_queries import SavedQueries, SavedQuery
from pipeline.operate.tables import Tables

ROWS_SHOWN = 100


@app.command()
def tables(context: typer.Context, as_json: Json = False) -> None:
    """List the tables of the registered datasets: rows, files, the snapshot that readers see.

    Example: sluice tables
    """
    lake = context.obj.connect().lake
    if as_json:
        print_json([facts.to_json() for facts in Tables(lake).facts()])
    else:
        print_tables(lake)


def print_tables(lake: Lake) -> None:
    """Print the tables as text, as `sluice tables` does."""
    rows = [
        (
            escape_untrusted(f.name),
            "[dim]no table yet[/]" if f.rows is None else f"{f.rows:,}",
            f.files,
            f.columns,
            f.snapshot,
            moment(f.committed) if f.committed else None,
            escape_untrusted(f.last_batch or ""),
        )
        for f in Tables(lake).facts()
    ]
    columns = ("table", "rows", "files", "columns", "snapshot", "committed", "last batch")
    print_table("Tables", columns, rows, empty="no dataset is registered")


@app.command()
def query(
    context: typer.Context,
    sql: Annotated[
        str | None, typer.Argument(metavar="[SQL]", help="One SELECT in DuckDB's SQL; tables are named team.dataset.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="The most rows to show; --json prints all.")] = ROWS_SHOWN,
    moment_text: Annotated[
        str | None,
        typer.Option("--as-of", metavar="BATCH|TIME", help="As the tables were after a batch, or at a time (UTC)."),
    ] = None,
    saved: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.saved_queries,
            help="Run the query saved by this name, as of its time.",
        ),
    ] = None,
    list_saved: Annotated[bool, typer.Option("--list-saved", help="List the saved queries.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show how it would be run, and read nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Query the curated tables with SQL. It only reads, and sees committed data.

    Example: sluice query "select role, count(*) from legislators.memberships group by all"

    Example: sluice query --saved "orders without a price"
    """
    if (sql is not None) + (saved is not None) + list_saved != 1:
        raise WrongUsage("give either a SELECT, or --saved with a name, or --list-saved", hint="See `sluice query -h`.")
    lake = context.obj.connect().lake
    if list_saved:
        _list_saved(SavedQueries(lake).all(), as_json=as_json)
        return
    if sql is None:
        found = SavedQueries(lake).get(saved or "")
        sql, moment_text = found.sql, moment_text or found.as_of or None
    snapshot_of = None if moment_text is None else as_of(lake, moment_text).snapshot_of
    with Session(Tables(lake), snapshot_of=snapshot_of) as session, _shown_errors():
        if explain:
            print(session.explain(sql))
            return
        names = session.run(sql)
        if as_json:
            print_json([dict(zip(names, map(plain, row), strict=True)) for row in session.rows()])
            return
        _print(names, list(session.rows(limit + 1)), limit)


def _list_saved(queries: Sequence[SavedQuery], *, as_json: bool) -> None:
    if as_json:
        print_json([each.to_json() for each in queries])
        return
    rows = [tuple(map(escape_untrusted, (each.name, each.sql, each.as_of, each.by))) for each in queries]
    print_table("Saved queries", ("name", "SQL", "as of", "by"), rows, empty="none is saved: the page Query saves them")


@contextmanager
def _shown_errors() -> Iterator[None]:
    """Show where in the query an error is, and what may have been meant."""
    try:
        yield
    except WrongQuery as error:
        if error.place:
            errors.print(error.place.drawn, markup=False, highlight=False, soft_wrap=True)
        if error.meant:
            meant = " or ".join(error.meant)
            raise WrongQuery(error.message, hint=f"Did you mean {meant}? {error.hint or ''}".strip()) from None
        raise


def _print(names: Sequence[str], rows: Sequence[Sequence[Any]], limit: int) -> None:
    cells = [["[dim]NULL[/]" if v is None else escape_untrusted(text_of(v)) for v in row] for row in rows[:limit]]
    print_table(counted(len(cells), "row"), [escape_untrusted(name) for name in names], cells, empty="no rows")
    if len(rows) > limit:
        console.print(f"[dim]There are more rows; --limit shows more than {limit:,}.[/]")
