"""What the first line of a table of text says: the columns, or that it is no header, and what would help then."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column, StageA
from pipeline.lake.files.contracts import map_columns, map_places
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.base import SEND_COLUMNS, declared_of

Lines = Iterable[tuple[int, Sequence[str]]]
"""Lines of the file, by number, and their cells."""

_OTHER_DELIMITERS = (",", ";", "\t", "|")
_COMMENTS = ("#", "//", "--", "%")
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d{1,3}([.,' ]\d{3})+|\d+)([.,]\d+)?([eE][+-]?\d+)?", re.ASCII)
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}.*)?", re.ASCII)
_YEARS = range(1900, 2101)
_LOOKED_AT = 100
"""Lines in which a header is looked for that is not the first."""


class Header:
    """Makes columns of the cells of a header, or of the first row where there is none."""

    def __init__(self, settings: StageA, contract: Mapping[str, Column], limits: Limits) -> None:
        self._settings = settings
        self._contract = contract
        self._limits = limits

    def columns_of(self, cells: Sequence[str], text: str, line: int, others: Callable[[], Lines]) -> list[str | None]:
        """The table's name of each column. `text` is the line as it stands; `others` gives what follows it.

        BadObject where it lacks a column of the contract, or is a row by its looks, with the option that would help.
        """
        self._check_size(len(cells))
        if self._settings.header is False:
            return list(map_places(self._contract, self._width(len(cells))))
        if len(cells) == 1 and (hint := self._other_delimiter(text)):
            raise BadObject(
                f"the header is a single cell of {len(text)} characters", hint=(hint + self._help(text, others)).strip()
            )
        names = map_columns(cells, self._contract, self._settings)
        missing = self._missing(names)
        known = [name for name in names if name is not None]
        if missing:
            where = f" on line {line}" if line > 1 else ""
            hint = SEND_COLUMNS
            raise BadObject(
                f"the header{where} lacks {', '.join(missing)}; it has {declared_of(known, self._contract)}",
                hint=hint + self._other_delimiter(text) + self._help(text, others) + self._row_hint(known),
            )
        if not self._contract.keys() & set(known) and _looks_like_row(cells, others()):
            raise BadObject(
                f"line {line}, where the names of the columns should be, looks like a row",
                hint="Say `header: false` and declare the columns in their order, or send the file with its header.",
            )
        return list(names)

    def _check_size(self, count: int) -> None:
        if count > self._limits.columns:
            raise BadObject(
                f"the header names {count} columns; {self._limits.columns} are the limit",
                hint="Send fewer columns, or rows of name and value.",
            )

    def _width(self, cells: int) -> int:
        """How many columns a file without header has: what the contract needs, without optional ones at its end."""
        places = map_places(self._contract)
        needed = [place for place, name in enumerate(places, 1) if name and not self._contract[name].optional]
        return min(max(cells, max(needed, default=1)), len(places))

    def _missing(self, names: Sequence[str | None]) -> list[str]:
        return [name for name, column in self._contract.items() if name not in names and not column.optional]

    def _row_hint(self, known: Sequence[str]) -> str:
        if self._contract.keys() & set(known):
            return ""
        return " Is its first line a row? Then say `header: false`."

    def _other_delimiter(self, text: str) -> str:
        if self._settings.format != "fixed" and self._settings.delimiter not in text:
            for other in _OTHER_DELIMITERS:
                if other in text:
                    said = self._settings.delimiter
                    return f" Is the delimiter {other!r}? The dataset says {said!r}; the option is `delimiter`."
        return ""

    def _help(self, text: str, others: Callable[[], Lines]) -> str:
        if self._settings.comment is None and text.startswith(_COMMENTS):
            sign = next(sign for sign in _COMMENTS if text.startswith(sign))
            return f" If lines that begin with {sign} are comments, say `comment: {sign!r}`."
        for number, cells in others():
            if self._contract and self._names_all(cells):
                return f" Line {number} has them: say `header: {number}`."
        return ""

    def _names_all(self, cells: Sequence[str]) -> bool:
        try:
            return not self._missing(map_columns(cells, self._contract))
        except BadObject:
            return False


def first_lines(lines: Lines) -> Lines:
    """As many lines as are looked at."""
    for count, line in enumerate(lines):
        if count == _LOOKED_AT:
            return
        yield line


def _looks_like_row(header: Sequence[str], lines: Lines) -> bool:
    """Whether a cell is a figure or a date, and so are those below, if any; names such as 2025 are let pass."""
    rows = [cells for _, cells in zip(range(5), (cells for _, cells in lines), strict=False)]
    rows = [cells for cells in rows if len(cells) == len(header)]
    for place, name in enumerate(header):
        kind = _kind(name)
        year = _INTEGER.fullmatch(name.strip()) and int(name) in _YEARS
        if kind and not year and all(_kind(cells[place]) == kind for cells in rows):
            return True
    return False


def _kind(cell: str) -> str | None:
    text = cell.strip()
    if _DATE.fullmatch(text):
        return "date"
    return "number" if _NUMBER.fullmatch(text) else None
