"""`sluice diff BATCH`: the rows that a batch added, changed and removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from pipeline.cli.app import app
from pipeline.cli.arguments import BatchArgument
from pipeline.cli.markup import escape_untrusted
from pipeline.cli.output import Json, console, print_json, print_table, styled
from pipeline.operate.batches import find_batch
from pipeline.operate.formatting import counted
from pipeline.operate.look_back import Differences, differences
from pipeline.operate.query_output import text_of

ROWS_SHOWN = 20


@app.command()
def diff(
    context: typer.Context,
    batch: BatchArgument,
    limit: Annotated[int, typer.Option(min=0, help="The most rows to show of each kind.")] = ROWS_SHOWN,
    as_json: Json = False,
) -> None:
    """Show which rows a batch added, changed and removed in its table. Of a quarantined batch, what it would change.

    Rows are compared whole; where the table has a key, a row of the same key is a changed one.

    Example: sluice diff 01KB3M8Q5Z5V6W7X8Y9ZABCDEF
    """
    lake = context.obj.connect().lake
    compared = differences(*find_batch(lake, batch), lake.tables, limit)
    if as_json:
        print_json(compared.to_json())
    else:
        _print(compared)


def _print(compared: Differences) -> None:
    counts = ", ".join(f"{counted(count, 'row')} {what}" for what, count in compared.counts.items())
    name, status = escape_untrusted(compared.batch.dataset), styled(compared.batch.status)
    console.print(f"[bold]{name}[/]  batch {escape_untrusted(compared.batch.id)} {status}: {counts}", highlight=False)
    _print_rows(compared, "added", compared.added)
    if compared.changed:
        columns = ("", *map(escape_untrusted, compared.columns))
        pairs = [
            row for old, new in compared.changed for row in (("was", *_cells(old, new)), ("is", *_cells(new, old)))
        ]
        print_table("Changed", columns, pairs)
    _print_rows(compared, "removed", compared.removed)
    shown = {"added": compared.added, "changed": compared.changed, "removed": compared.removed}
    if any(compared.counts[what] > len(rows) for what, rows in shown.items()):
        console.print("[dim]There are more rows; --limit shows more of each kind.[/]")


def _print_rows(compared: Differences, what: str, rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        print_table(what.capitalize(), [escape_untrusted(name) for name in compared.columns], map(_cells, rows))


def _cells(row: Sequence[Any], other: Sequence[Any] | None = None) -> list[str]:
    """As a table shows them; what differs from `other` is bold."""
    cells = ["[dim]NULL[/]" if value is None else escape_untrusted(text_of(value)) for value in row]
    if other is None:
        return cells
    return [
        cell if mine == theirs else f"[bold]{cell}[/]" for cell, mine, theirs in zip(cells, row, other, strict=True)
    ]
