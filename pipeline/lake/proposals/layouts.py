"""Which lines of a table are data: preamble, comments, header or none, units, a footer with totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pipeline.core.errors import BadInput
from pipeline.lake.files.remarks import JUST_TOTAL, ROW_COUNT, SENTENCE, TOTAL
from pipeline.lake.proposals.headers import Table
from pipeline.lake.proposals.kinds import common_kind, kind_of
from pipeline.lake.proposals.names import Named, name_by_place, name_columns
from pipeline.lake.proposals.rows import Row, is_rule
from pipeline.lake.proposals.second_headers import look_above, look_below
from pipeline.lake.proposals.sums import doubts_of_sums

_COMMENTS = ("#", "//", "--", "%", "!", ";")
_FOOTER = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the table is in the file. Lines count from 1.

    `names` are the header's cells; where `has_header` is false they are what stands for one, or empty for a column that
    the file gives no name. `first` is the line of the first row of data.
    """

    names: tuple[str, ...]
    has_header: bool
    header: int
    first: int
    preamble: bool
    comment: str | None
    skip_footer: int
    doubts: tuple[str, ...]

    def options(self) -> dict[str, Any]:
        """What a definition says of it."""
        options: dict[str, Any] = {}
        if not self.has_header:
            options["header"] = False
            if self.preamble and self.header > 0:
                options["skip_rows"] = self.header
        elif self.preamble:
            options["header"] = self.header
        if self.comment:
            options["comment"] = self.comment
        if self.skip_footer:
            options["skip_footer"] = self.skip_footer
        return options


def find_layout(rows: Sequence[Row], *, whole: bool) -> Layout:
    """The layout of a file of which `rows` are the first, or, where it is `whole`, all. BadInput if none is a row."""
    written = [row for row in rows if not row.is_blank]
    width = _width(written)
    comment, commented = _comment(written, width)
    body = [row for row in written if not (comment and row.text.lstrip("\ufeff").startswith(comment))]
    doubts: list[str] = []
    end = _footer(body, width, doubts) if whole else len(body)
    ruled = [row for row in body[:end] if is_rule(row.text)]
    table = [row for row in body[:end] if row not in ruled]
    if not table:
        raise BadInput(
            "the file has no rows: its lines are blank, ruled or comments", hint="A sample needs at least one row."
        )
    footer = sum(row.line >= body[end].line for row in written) if end < len(body) else 0
    found = Table(table, width)
    start = found.start()
    header = found.header(start)
    if header is None and commented is not None:
        # The last comment names the columns.
        doubts.append(f"line {commented.line}, a comment, names the columns")
        names = (commented.cells[0].lstrip(f"{comment} "), *commented.cells[1:])
        return Layout(names, False, 0, _line(table, 0), False, comment, footer, tuple(doubts))
    if header is None:
        start = start if any(found.kinds) else start - 1
        first = _line(table, start)
        doubts.append(f"line {first} looks like data and not like a header: the columns are named by their place")
        if start > 0:
            doubts.append(f"what stands above line {first} is skipped")
        return Layout(("",) * width, False, first - 1, first, start > 0, comment, footer, tuple(doubts))
    row = table[header]
    first = _line(table, header + 1)
    names, fits = found.names(header)
    below = look_below(found, header)
    if below.count:
        names, fits, first = below.names or names, False, _line(table, header + 1 + below.count)
    doubts += [*below.doubts, *look_above(found, header)]
    fits = fits and not any(row.line < rule.line < first for rule in ruled)
    before = first - 1 if not fits else row.line
    data = [each for each in table if each.line >= first]
    doubts += [*found.doubts, *_second_tables(rows, data), *doubts_of_sums(data)]
    return Layout(names, fits, before, first, header > 0 or not fits, comment, footer, tuple(doubts))


def _second_tables(rows: Sequence[Row], table: Sequence[Row]) -> Iterator[str]:
    """Rows of names behind a blank line, where rows before have values."""
    blank = {row.line + 1 for row in rows if row.is_blank}
    for above, row in pairwise(table):
        if row.line in blank and row.filled > 1 and len(row.cells) == len(above.cells):
            kinds = [(kind_of(cell), kind_of(name)) for cell, name in zip(above.cells, row.cells, strict=True)]
            if all(name == "" for _, name in kinds) and any(cell not in ("", " ") for cell, _ in kinds):
                yield f"line {row.line}, behind a blank line, looks like the header of a second table"


def _line(rows: Sequence[Row], place: int) -> int:
    """Of the row at that place, or where it would be after the last."""
    if place < len(rows):
        return rows[place].line
    return rows[-1].line + max(1, len(rows[-1].text.splitlines())) if rows else 1


def _width(rows: Sequence[Row]) -> int:
    counts = Counter(len(row.cells) for row in rows if row.filled > 1) or Counter(len(row.cells) for row in rows)
    return max(counts, key=lambda width: (counts[width], width)) if counts else 0


def _comment(rows: Sequence[Row], width: int) -> tuple[str | None, Row | None]:
    """What comments begin with, and the comment that is the header in truth, if one is."""
    for prefix in _COMMENTS:
        marked = [row for row in rows if row.text.lstrip("\ufeff").startswith(prefix)]
        if not marked or len(marked) * 2 > len(rows):
            continue
        like_rows = [row for row in marked if len(row.cells) == width and width > 1]
        if not like_rows and not (width == 1 and prefix != "#"):
            return prefix, None
        # `#id,name` above data is a header with a sign; tickets named #1, #2 are values.
        at = next(place for place, row in enumerate(rows) if row is marked[-1])
        below = rows[at + 1 : at + 20]
        heads = len(like_rows) == 1 and like_rows[0] is marked[-1] and bool(below)
        if heads and len(marked) > 1 and all(row in marked for row in rows[: at + 1]):
            return prefix, marked[-1]
    return None, None


def _footer(rows: Sequence[Row], width: int, doubts: list[str]) -> int:
    """The place of the first of the rows at the end that are totals and remarks."""
    end = len(rows)
    while end > 2 and len(rows) - end < _FOOTER and (not rows[end - 1].filled or _ends(rows, end - 1, width)):
        end -= 1
    if all(not row.filled for row in rows[end:]):
        return len(rows)
    if end < len(rows):
        shown = "the last line is" if len(rows) - end == 1 else f"the last {len(rows) - end} lines are"
        doubts.append(f"{shown} a total or a remark, and no row: {rows[end].text.strip()[:40]!r}")
    return end


def _ends(rows: Sequence[Row], place: int, width: int) -> bool:
    """Whether a row at the end is a total or a remark."""
    row = rows[place]
    first = next((cell.strip() for cell in row.cells if cell.strip()), "")
    if (width > 1 and len(row.cells) == 1) or ROW_COUNT.fullmatch(first):
        return True
    above = [other for other in rows[1:place] if len(other.cells) == width]
    if TOTAL.match(first) and not any(TOTAL.match(other.cells[0]) for other in above):
        column = row.cells.index(next(cell for cell in row.cells if cell.strip()))
        # A cell beyond the columns has nothing above it.
        is_odd = column >= width or common_kind(other.cells[column] for other in above) not in ("", kind_of(first))
        return row.filled < width or is_odd or bool(JUST_TOTAL.fullmatch(first))
    near = [other for other in rows[1:place] if other.filled][-3:]
    if width > 2 and row.filled == 1 and row.cells[0].strip() and all(other.filled > 1 for other in near):
        # Behind a row of nothing, or a sentence.
        return not rows[place - 1].filled or ":" in first or len(first) > SENTENCE
    # Sums below columns, with nothing that names them.
    if width > 2 and row.filled * 2 < width and not row.cells[0].strip():
        return all(other.cells[0].strip() for other in above)
    return False


def columns_of_layout(layout: Layout, rows: Sequence[Row]) -> tuple[Named, ...]:
    """The columns of a table: one that the header leaves without a name has a place, or is left out if it is empty."""
    named = name_columns(layout.names, by_name=layout.has_header)
    taken = {each.name for each in named if each}
    columns = []
    for place, each in enumerate(named, 1):
        if each is None and _is_filled(rows, place, layout):
            each = name_by_place(place, taken)
            taken.add(each.name)
        if each is not None:
            columns.append(each)
    return tuple(columns)


def _is_filled(rows: Sequence[Row], place: int, layout: Layout) -> bool:
    below = (row for row in rows if row.line >= layout.first)
    return any(len(row.cells) >= place and row.cells[place - 1].strip() for row in below)
