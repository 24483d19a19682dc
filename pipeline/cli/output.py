"""The output of commands: for people with Rich, for programs as one JSON document on standard output."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
"""The option of every command that prints."""

PIPED_WIDTH = 200
"""Columns when the output is no terminal and COLUMNS says nothing: Rich's 80 would fold every key."""
SHORT_CELL = 16
"""Characters of a cell that is never folded: a number, a status, a time, a column's head."""
FOLDS = 3
"""Lines of the longest cell: where there is no room for that, rows are written in lines of name and value."""

# Without emoji: `:x:` in a key is not a picture. Rich itself obeys NO_COLOR.
_piped = shutil.get_terminal_size((PIPED_WIDTH, 25)).columns
console = Console(emoji=False, width=None if sys.stdout.isatty() else _piped)
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
    """Print a table, or `empty` if there are no rows. Cells are Rich markup: escape untrusted text.

    Where a table is wider than the output, long cells are folded and short ones are not; where that has no room
    either, each row is written as lines of name and value.
    """
    rows = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not rows:
        to.print(f"[bold]{title}[/]: [dim]{empty}[/]")
        return
    # Not as the table's own: that would be folded where the table is narrow.
    to.print(f"[bold]{title}[/]", highlight=False)
    sizes = [list(map(_cells_of, (name, *cells))) for name, cells in zip(columns, zip(*rows, strict=True), strict=True)]
    widths = _widths(sizes, to.width - 2 * len(columns))
    if widths is None:
        _print_lines(columns, rows, to)
        return
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name, width in zip(columns, widths, strict=True):
        table.add_column(name, overflow="fold", width=width)
    for row in rows:
        table.add_row(*row)
    to.print(table)


def _widths(sizes: Sequence[Sequence[int]], room: int) -> list[int] | None:
    """How wide each column is, whose cells are of these sizes; None if there is not room for all.

    None is narrower than its short cells, nor folds a long one into more than FOLDS lines; what is left is shared.
    """
    most = list(map(max, sizes))
    widths = [max(-(-max(cells) // FOLDS), *(cell for cell in (0, *cells) if cell <= SHORT_CELL)) for cells in sizes]
    left = room - sum(widths)
    if left < 0:
        return None
    by_need = sorted(range(len(widths)), key=lambda column: most[column] - widths[column])
    for number, column in enumerate(by_need):
        more = min(most[column] - widths[column], left // (len(by_need) - number))
        widths[column] += more
        left -= more
    return widths


def _cells_of(markup: str) -> int:
    """Columns of a terminal that a text takes, which is Rich markup."""
    return Text.from_markup(markup, emoji=False).cell_len


def _print_lines(columns: Sequence[str], rows: Sequence[Sequence[str]], to: Console) -> None:
    """Each row as lines of name and value; empty cells are left out."""
    widest = max(map(_cells_of, columns))
    for number, row in enumerate(rows):
        if number:
            to.print()
        for name, cell in zip(columns, row, strict=True):
            if cell:
                pad = " " * (widest - _cells_of(name))
                to.print(f"  [dim]{name}[/]{pad}  {cell}", highlight=False, soft_wrap=True)


def print_facts(title: str, facts: Mapping[str, Any]) -> None:
    """Print names and values, one per line; None is left out."""
    console.print(f"[bold]{title}[/]")
    for name, value in facts.items():
        if value is not None:
            console.print(f"  [dim]{name:<12}[/] {value}", highlight=False, soft_wrap=True)
