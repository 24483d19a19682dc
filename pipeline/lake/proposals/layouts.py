"""Which lines of a table are data: preamble, comments, header or none, units, a footer with totals."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.lake.proposals.kinds import common_kind, kind_of
from pipeline.lake.proposals.rows import Row

_COMMENTS = ("#", "//", "--", "%", "!", ";")
_TOTAL = re.compile(
    r"\W*(?:grand[ _-]?)?(?:sub)?(?:total|totals|sum|summe|gesamt|insgesamt|gesamtsumme|endsumme|zwischensumme|somme|"
    r"totale|totaal|итого|average|mittelwert|count|records?|rows?|anzahl|source|quelle|note|end of (?:file|report))\b",
    re.IGNORECASE,
)
_JUST_TOTAL = re.compile(r"(?:grand[ _-]?)?(?:total|sum|summe|gesamt|gesamtsumme|insgesamt|totale?)s?:?", re.IGNORECASE)
_ROW_COUNT = re.compile(r"\(?[0-9,]+ (?:rows?|records?|zeilen|lines?)\b.*", re.IGNORECASE)
_DEPTH = 60
"""Rows within which data has to begin."""
_FOOTER = 8
_COMMON_NAMES = re.compile(
    r"(?i)\W*(id|name|key|code|date|datum|time|type|value|status|amount|betrag|city|country|title|description|note|"
    r"email|first[ _]?name|last[ _]?name|\w+[ _](id|name|date|code|key|type|at|no|nr))\W*"
)


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


def find_layout(rows: Sequence[Row], *, whole: bool) -> Layout:
    """The layout of a file of which `rows` are the first, or, where it is `whole`, all."""
    written = [row for row in rows if not row.is_blank]
    width = _width(written)
    comment, commented = _comment(written, width)
    body = [row for row in written if not (comment and row.text.lstrip("\ufeff").startswith(comment))]
    doubts: list[str] = []
    end = _footer(body, width, doubts) if whole else len(body)
    table = body[:end]
    footer = sum(row.line >= body[end].line for row in written) if end < len(body) else 0
    found = _Table(table, width)
    start = found.start()
    header = found.header(start)
    if header is None and commented is not None:
        # The last comment names the columns.
        doubts.append(f"line {commented.line}, a comment, names the columns")
        names = (commented.cells[0].lstrip(f"{comment} "), *commented.cells[1:])
        return Layout(names, False, 0, _line(table, 0), False, comment, footer, tuple(doubts))
    if header is None:
        first = _line(table, start)
        doubts.append(f"line {first} looks like data and not like a header: the columns are named by their place")
        return Layout(("",) * width, False, first - 1, first, start > 0, comment, footer, tuple(doubts))
    row = table[header]
    first = _line(table, header + 1)
    names, fits = found.names(header)
    if found.units(header):
        fits, first = False, _line(table, header + 2)
        doubts.append(f"line {table[header + 1].line} says units and is skipped")
    before = first - 1 if not fits else row.line
    doubts += found.doubts
    return Layout(names, fits, before, first, header > 0 or not fits, comment, footer, tuple(doubts))


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
    while end > 2 and len(rows) - end < _FOOTER and _ends(rows, end - 1, width):
        end -= 1
    if end < len(rows):
        shown = "the last line is" if len(rows) - end == 1 else f"the last {len(rows) - end} lines are"
        doubts.append(f"{shown} a total or a remark, and no row: {rows[end].text.strip()[:40]!r}")
    return end


def _ends(rows: Sequence[Row], place: int, width: int) -> bool:
    """Whether a row at the end is a total or a remark."""
    row = rows[place]
    first = next((cell.strip() for cell in row.cells if cell.strip()), "")
    if (width > 1 and len(row.cells) == 1) or _ROW_COUNT.fullmatch(first):
        return True
    above = [other for other in rows[1:place] if len(other.cells) == width]
    if _TOTAL.match(first) and not any(_TOTAL.match(other.cells[0]) for other in above):
        column = row.cells.index(next(cell for cell in row.cells if cell.strip()))
        is_odd = common_kind(other.cells[column] for other in above) not in ("", kind_of(first))
        return row.filled < width or is_odd or bool(_JUST_TOTAL.fullmatch(first))
    # Sums below columns, with nothing that names them.
    if width > 2 and row.filled * 2 < width and not row.cells[0].strip():
        return all(other.cells[0].strip() for other in above)
    return False


class _Table:
    """Rows of which one may be the header, and what most of their columns hold."""

    def __init__(self, rows: Sequence[Row], width: int) -> None:
        self.rows = rows
        self.width = width
        self.doubts: list[str] = []
        lower = [row for row in rows[max(len(rows) // 2, 1) :] if len(row.cells) == width]
        sure = lower if len(lower) > 1 else [row for row in rows[-1:] if len(row.cells) == width]
        self.kinds = [common_kind(row.cells[place] for row in sure) for place in range(width)]

    def _fits(self, row: Row) -> bool:
        """Whether it is of the kinds that the columns have, as far as they have any."""
        if len(row.cells) != self.width:
            return False
        cells = [(kind, kind_of(cell)) for kind, cell in zip(self.kinds, row.cells, strict=True) if kind]
        return any(kind == found for kind, found in cells) and all(found in (kind, " ") for kind, found in cells)

    def start(self) -> int:
        """The place of the first row that is data for sure; 1 where nothing tells data from words."""
        if not any(self.kinds):
            return self._after_sparse() + 1
        near = range(min(_DEPTH, len(self.rows)))
        place = next((place for place in near if self._fits(self.rows[place])), 1)
        return 1 if self._counts_up(place) else place

    def _after_sparse(self) -> int:
        """The first row that is as wide as the table and mostly filled."""
        for place, row in enumerate(self.rows[:_DEPTH]):
            if len(row.cells) == self.width and row.filled * 2 > self.width:
                return place
        return 0

    def _counts_up(self, place: int) -> bool:
        """A header of years or numbers: `country,2019,2020`."""
        if place != 0 or len(self.rows) < 2 or self.width < 3:
            return False
        numbers = [cell.strip() for cell in self.rows[0].cells if cell.strip().isdecimal()]
        steps = {int(after) - int(before) for before, after in pairwise(numbers)}
        words = len(self.rows[0].cells) - len(numbers)
        return len(numbers) > 1 and steps == {1} and words > 0 and (len(numbers[0]) == 4 or numbers[0] in ("0", "1"))

    def header(self, start: int) -> int | None:
        """The place of the header above the data that begins at `start`."""
        if start == 0 or self.width == 0:
            return None
        if self._counts_up(start - 1):
            return start - 1
        if not any(self.kinds):
            return self._header_of_words(start - 1)
        best = None
        for place in range(start - 1, -1, -1):
            row = self.rows[place]
            if abs(len(row.cells) - self.width) > 1 or row.filled * 2 <= min(self.width, len(row.cells)):
                continue
            named = [kind_of(cell) not in (kind, " ") for kind, cell in self._typed(row)]
            if not named or all(named):
                best = place
                # The nearest one that is full; a line of units stands below the names.
                if not (place > 0 and self._is_header_too(place - 1)):
                    break
        if best is None and start > 0 and len(self.rows[start - 1].cells) == self.width:
            return start - 1 if self._is_named(self.rows[start - 1]) else None
        return best

    def _typed(self, row: Row) -> list[tuple[str, str]]:
        return [(kind, cell) for kind, cell in zip(self.kinds, row.cells, strict=False) if kind]

    def _is_header_too(self, place: int) -> bool:
        row = self.rows[place]
        return len(row.cells) == self.width and row.filled == self.width and not any(map(_is_value, row.cells))

    @staticmethod
    def _is_named(row: Row) -> bool:
        filled = [cell for cell in row.cells if cell.strip()]
        return not any(map(_is_value, filled)) and len(set(filled)) == len(filled)

    def _header_of_words(self, place: int) -> int | None:
        row = self.rows[place]
        below = self.rows[place + 1 :]
        if any(map(_is_value, row.cells)) and not _COMMON_NAMES.fullmatch(row.cells[0]):
            return None
        again = sum(
            any(len(other.cells) == self.width and other.cells[column] == cell for other in below)
            for column, cell in enumerate(row.cells)
            if cell.strip()
        )
        if again and not any(_COMMON_NAMES.fullmatch(cell) for cell in row.cells):
            return None
        if below and not any(_COMMON_NAMES.fullmatch(cell) for cell in row.cells):
            self.doubts.append(f"all cells are words: line {row.line} is taken for the header")
        return place

    def units(self, header: int) -> bool:
        """Whether the row below the header says units: words in brackets or short signs above numbers."""
        if header + 1 >= len(self.rows) - 1 or not any(self.kinds):
            return False
        row = self.rows[header + 1]
        if len(row.cells) != self.width or self._fits(row):
            return False
        typed = [cell for _, cell in self._typed(row) if cell.strip()]
        return bool(typed) and all(kind_of(cell) == "" and len(cell.strip()) <= 12 for cell in typed)

    def names(self, header: int) -> tuple[tuple[str, ...], bool]:
        """The header's cells, one for each column, and whether it has as many itself."""
        cells = self.rows[header].cells
        below = [row for row in self.rows[header + 1 :] if len(row.cells) == self.width]
        if len(cells) == self.width or not below:
            return cells, True
        self.doubts.append(f"rows have {self.width} cells, the header {len(cells)}")
        if len(cells) > self.width:
            return cells[: self.width], False
        missing = self.width - len(cells)
        if all(not cell.strip() for row in below for cell in row.cells[len(cells) :]):
            return (*cells, *("",) * missing), False
        if missing == 1 and all(row.cells[0].strip() for row in below):
            self.doubts.append("the first column has no name, as R and pandas write row names")
            return ("row_name", *cells), False
        return (*cells, *("",) * missing), False


def _is_value(cell: str) -> bool:
    return kind_of(cell) in ("number", "date", "time", "email", "url", "uuid", "address", "boolean")
