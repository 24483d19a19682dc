"""The first rows of a delimited text under a dialect that is tried, with the lines where they stand.

Only to find out how a file is written: what is proposed then is read by the lake's own reader.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

BACKSLASH = "\\"
MAX_RECORD_LINES = 200
"""A row of more lines than this is a quote that is not closed rather than a row."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How cells are cut; the words are those of a definition. Delimiter "" is a file of one column."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = "double"


@dataclass(frozen=True, slots=True)
class Row:
    """A row's cells, its first line (from 1) and its text where it is one line."""

    line: int
    cells: tuple[str, ...]
    text: str

    @property
    def is_blank(self) -> bool:
        return not self.text.strip()

    @property
    def filled(self) -> int:
        """How many cells have something in them."""
        return sum(bool(cell.strip()) for cell in self.cells)


_RULE = re.compile(r"[-=+|:_ ]+")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


def lines_of(text: str) -> list[str]:
    """The lines with their ends; \\r alone ends one too, and nothing else that Python splits at."""
    return _LINE.findall(text)


def cut(lines: Sequence[str], dialect: Dialect) -> list[Row] | None:
    """The rows, blank lines among them; None where the dialect does not work out at all."""
    delimiter = dialect.delimiter or "\x00"
    quoting = {"quoting": csv.QUOTE_NONE} if dialect.quote == "none" else {"quotechar": dialect.quote}
    escaping = {"escapechar": BACKSLASH, "doublequote": False} if dialect.escape == "backslash" else {}
    if delimiter == "\x00":
        return [Row(number, (line.rstrip("\r\n"),), line) for number, line in enumerate(lines, 1)]
    doubled = lines
    if dialect.escape == "backslash":
        # Before all else a backslash is a character, as the lake reads it: that of \\N.
        special = re.escape(f"{delimiter}{dialect.quote}{BACKSLASH}\r\n")
        plain = re.compile(rf"\\([{special}])|\\")
        doubled = [plain.sub(lambda found: found[0] if found[1] else BACKSLASH * 2, line) for line in lines]
    try:
        reader = csv.reader((line for line in doubled), delimiter=delimiter, **quoting, **escaping)  # type: ignore[arg-type]
        rows, line = [], 1
        for cells in reader:
            if reader.line_num - line > MAX_RECORD_LINES:
                return None
            rows.append(Row(line, tuple(cells), "".join(lines[line - 1 : reader.line_num])))
            line = reader.line_num + 1
    except csv.Error:
        return None
    return rows


def is_rule(text: str) -> bool:
    """Whether a line is drawn, as below a header."""
    return len(text.strip()) > 2 and bool(_RULE.fullmatch(text.strip()))
