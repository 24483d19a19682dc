"""The output of commands: for people with Rich, for programs as one JSON document on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
"""The option of every command that prints."""

PIPED_WIDTH = 200
"""Columns when the output is not a terminal: Rich's 80 would fold every key."""

# Without emoji: `:x:` in a key is not a picture.
console = Console(emoji=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
errors = Console(stderr=True, emoji=False)

STYLES = {
    "COMMITTED": "green",
    "SUCCEEDED": "green",
    "PASSED": "green",
    "Passed": "green",
    "RUNNING": "cyan",
    "STAGED": "cyan",
    "REGISTERED": "cyan",
    "CLAIMED": "cyan",
    "WARNED": "yellow",
    "RELEASED": "yellow",
    "UNROUTED": "yellow",
    "BAD_ROWS": "yellow",
    "REPEATED_ROWS": "yellow",
    "DUPLICATE": "dim",
    "SUPERSEDED": "dim",
    "QUARANTINED": "magenta",
    "FAILED": "red",
    "Failed": "red",
    "TIMED_OUT": "red",
    "ABORTED": "red",
    "GONE": "red",
    "DEAD_LETTERS": "red",
}


def styled(word: str | None) -> str:
    """A status in its colour, as Rich markup."""
    style = STYLES.get(word or "")
    return f"[{style}]{word}[/]" if style else (word or "")


def print_json(document: Any) -> None:
    """Print a document as indented JSON; values that JSON does not have become text."""
    json.dump(document, sys.stdout, indent=2, default=str, ensure_ascii=False)
    sys.stdout.write("\n")


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    empty: str = "none",
    to: Console = console,
) -> None:
    """Print a table, or `empty` if there are no rows. Cells are Rich markup: escape untrusted text."""
    rows = list(rows)
    if not rows:
        to.print(f"[bold]{title}[/]: [dim]{empty}[/]")
        return
    # Not as the table's own: that would be folded where the table is narrow.
    to.print(f"[bold]{title}[/]", highlight=False)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    to.print(table)


def print_facts(title: str, facts: Mapping[str, Any]) -> None:
    """Print names and values, one per line; None is left out."""
    console.print(f"[bold]{title}[/]")
    for name, value in facts.items():
        if value is not None:
            console.print(f"  [dim]{name:<12}[/] {value}", highlight=False)
