"""The command find: what a text may mean, of all that the lake has."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import readable
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_json, print_table, styled
from pipeline.operate.search import Hit, search, text_of

SHOWS = {
    "dataset": "sluice status {name}",
    "column": "sluice query 'select * from {table} limit 10'",
    "batch": "sluice diff {name}",
    "execution": "sluice execution {name}",
    "object": "sluice why {name}",
}
"""The command that shows a thing of each kind."""


@app.command()
def find(
    context: typer.Context,
    text: Annotated[
        str, typer.Argument(help="Part of a name or of a key, in any case; or a whole id.", callback=readable(text_of))
    ],
    as_json: Json = False,
) -> None:
    """Find what a text may mean: datasets, columns, objects, batches and executions. Exits with 1 if it is nothing.

    Example: sluice find memberships
    """
    hits = search(context.obj.connect().lake, text)
    if as_json:
        print_json([hit.to_json() for hit in hits])
    else:
        rows = [
            (hit.kind, styled(hit.status), escape_untrusted(hit.name), escape_untrusted(hit.of or ""), _note(hit))
            for hit in hits
        ]
        print_table("Found", ("kind", "status", "name", "of", "note"), rows, empty="nothing of this name")
        for kind in dict.fromkeys(hit.kind for hit in hits):
            console.print(f"  [dim]{_shows(next(hit for hit in hits if hit.kind == kind))}[/]", highlight=False)
    if not hits:
        raise typer.Exit(1)


def _note(hit: Hit) -> str:
    return escape_untrusted(hit.note or "")


def _shows(hit: Hit) -> str:
    return escape_untrusted(SHOWS[hit.kind].format(name=hit.name, table=(hit.of or "").replace("/", ".")))
