"""Tables fit what they are printed on: nothing is wider, nothing is lost, and what is short is never folded."""

from __future__ import annotations

import io

from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape

from pipeline.cli.output import SHORT_CELL, print_table

CELL = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=60)


def printed(columns: list[str], rows: list[list[str]], width: int, **options: bool) -> str:
    to = Console(file=io.StringIO(), width=width, emoji=False, **options)  # type: ignore[arg-type]
    print_table("Things", columns, rows, to=to)
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


@example([["00000000、、、、", "000"], ["00000000000、、、", "0"]], 20)
@given(st.integers(1, 6).flatmap(lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n), min_size=1, max_size=5)),
       st.integers(20, 220))  # fmt: skip
def test_no_cell_is_lost_and_no_folded_line_is_too_long(rows: list[list[str]], width: int) -> None:
    columns = [f"c{number}" for number in range(len(rows[0]))]
    text = printed(columns, [[escape(cell) for cell in row] for row in rows], width)
    lines = text.splitlines()
    for cell in (cell for row in rows for cell in row):
        if cell_len(cell) <= SHORT_CELL:
            assert any(cell in line for line in lines), cell
    is_table = all(name in lines[1].split() for name in columns) or len(columns) == 1
    if is_table and not lines[1].startswith("  c0  "):
        assert all(cell_len(line) <= width for line in lines)
    together = "".join(text.split())
    for cell in (cell for row in rows for cell in row):
        assert set("".join(cell.split())) <= set(together)


def test_where_there_is_no_room_rows_are_lines_of_name_and_value() -> None:
    row = ["demo/orders-of-everybody", "01KB3M8Q5Z5V6W7X8Y9ZABCDEF", "[red]FAILED[/]", "1,234,567", ""]
    columns = ["dataset", "batch", "status", "rows", "note"]
    wide, narrow = printed(columns, [row], 100), printed(columns, [row], 40)
    assert len(wide.splitlines()) == 3
    assert "  batch    01KB3M8Q5Z5V6W7X8Y9ZABCDEF\n" in narrow
    assert "  status   FAILED\n" in narrow
    assert "note" not in narrow


def test_no_colour_where_none_is_wanted() -> None:
    row = ["[red]FAILED[/]"]
    assert "31m" in printed(["status"], [row], 80, force_terminal=True)
    assert "31m" not in printed(["status"], [row], 80, force_terminal=True, no_color=True)
