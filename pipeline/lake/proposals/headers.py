"""Where the header stands above a table's rows, told by what most of its columns hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise, takewhile

from pipeline.lake.proposals.kinds import common_kind, kind_of
from pipeline.lake.proposals.rows import Row

_DEPTH = 60
"""Rows within which data has to begin."""

_COMMON_NAMES = re.compile(
    r"(?i)\W*(id|name|key|code|date|datum|time|type|value|status|amount|betrag|city|country|title|description|note|"
    r"email|first[ _]?name|last[ _]?name|\w+[ _](id|name|date|code|key|type|at|no|nr))\W*"
)

_LETTER, _DIGIT = re.compile(r"[^\W\d_]"), re.compile(r"[0-9]")
_LIKENESS = 20
"""Rows that one is compared with."""
_DIGITS_OF_DATA = 6
"""Digits at the start of a cell that stand below each other in rows of data: those of ids and days."""


class Table:
    """Rows of which one may be the header, and what most of their columns hold."""

    def __init__(self, rows: Sequence[Row], width: int) -> None:
        self.rows = rows
        self.width = width
        self.doubts: list[str] = []
        lower = [row for row in rows[max(len(rows) // 2, 1) :] if len(row.cells) == width]
        sure = lower if len(lower) > 1 else [row for row in rows[-1:] if len(row.cells) == width]
        self.kinds = [common_kind(row.cells[place] for row in sure) for place in range(width)]

    def fits(self, row: Row) -> bool:
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
        place = next((place for place in near if self.fits(self.rows[place])), 1)
        if self._counts_up(place):
            return place + 1
        while place > 0 and _is_like(self.rows[place - 1], self.rows[place:]):
            place -= 1
        return place

    def _after_sparse(self) -> int:
        """The first row that is as wide as the table and mostly filled."""
        for place, row in enumerate(self.rows[:_DEPTH]):
            if len(row.cells) == self.width and row.filled * 2 > self.width:
                return place
        return 0

    def _counts_up(self, place: int) -> bool:
        """A header of years or numbers: `country,2019,2020`."""
        row, above = self.rows[place], self.rows[:place]
        if len(self.rows) < place + 2 or self.width < 3 or any(each.filled * 2 > self.width for each in above):
            return False
        numbers = [cell.strip() for cell in row.cells if cell.strip().isdecimal()]
        steps = {int(after) - int(before) for before, after in pairwise(numbers)}
        words = len(row.cells) - len(numbers)
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
            named = [kind_of(cell) not in (kind, " ") for kind, cell in self.typed(row)]
            if not named or all(named):
                best = place
                # The nearest one that is full; a line of units stands below the names.
                if not (place > 0 and self._is_header_too(place - 1)):
                    break
        if best is None and start > 0 and len(self.rows[start - 1].cells) == self.width:
            return start - 1 if self._is_named(self.rows[start - 1]) else None
        return best

    def typed(self, row: Row) -> list[tuple[str, str]]:
        """The row's cells in columns of which the kind is known, with that."""
        return [(kind, cell) for kind, cell in zip(self.kinds, row.cells, strict=False) if kind]

    def _is_header_too(self, place: int) -> bool:
        row = self.rows[place]
        return len(row.cells) == self.width and row.filled == self.width and not any(map(is_value, row.cells))

    @staticmethod
    def _is_named(row: Row) -> bool:
        filled = [cell for cell in row.cells if cell.strip()]
        return not any(map(is_value, filled)) and len(set(filled)) == len(filled)

    def _header_of_words(self, place: int) -> int | None:
        row = self.rows[place]
        below = self.rows[place + 1 :]
        if _is_like(row, below):
            return None
        if below and all(kind_of(cell) == "number" for cell in row.cells):
            # Numbers above words are names.
            return place
        if any(map(is_value, row.cells)) and not _COMMON_NAMES.fullmatch(row.cells[0]):
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


def _is_like(row: Row, below: Sequence[Row]) -> bool:
    """Whether a cell begins with as many digits, at the same places, as the cells below it: an id, or a time."""
    others = [other for other in below[:_LIKENESS] if len(other.cells) == len(row.cells)]
    columns = zip(row.cells, *(other.cells for other in others), strict=True)
    return bool(others) and any(_digits_alike(cells) >= _DIGITS_OF_DATA for cells in columns)


def _digits_alike(cells: Sequence[str]) -> int:
    """How many digits stand below each other before the first place where the shapes of the cells differ."""
    shapes = [_LETTER.sub("A", _DIGIT.sub("9", cell.strip())) for cell in cells]
    alike = takewhile(lambda column: len(set(column)) == 1, zip(*shapes, strict=False))
    return sum(column[0] == "9" for column in alike)


def is_value(cell: str) -> bool:
    """A cell that hardly is a name: a number, a day, an address."""
    return kind_of(cell) in ("number", "date", "time", "email", "url", "uuid", "address", "boolean")
