"""How the cells of a delimited text are cut: delimiter, quote and escape, by how well the rows agree.

A dialect is good where many rows have as many cells as each other, and where the cells look like values rather than
like rows within rows (after van den Burg et al., "Wrangling messy CSV files by detecting row and type patterns", 2019).
A delimiter that does not occur is never proposed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.lake.proposals.rows import BACKSLASH, Dialect, Row, cut

_DELIMITERS = {",": 1.0, ";": 1.0, "\t": 1.0, "|": 1.0, "\x1f": 1.0, "\x01": 1.0, "^": 0.9, "~": 0.9, "¦": 0.9}
"""What may delimit, and how readily it is believed."""

_LESS_LIKELY = {":": 0.5, "#": 0.4, " ": 0.35}
_LOOKED_AT = 400
_BELIEVED = 0.12
_TYPED = re.compile(
    r"""[+-]?[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]+)?\s?%?      # a number
    |\(?[-+]?\s?[$€£¥]?\s?[0-9]{1,3}([.,' \u00a0\u202f][0-9]{3})*([.,][0-9]+)?\s?[$€£¥%]?\)?
    |[0-9]{1,4}[-/.][0-9A-Za-z]{1,9}[-/.][0-9]{1,4}([ T][0-9:.]+\s?([AaPp][Mm]|Z|[+-][0-9:]+)?)?  # a date, or with time
    |[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?
    |\S+@\S+\.\S+|https?://\S+|[0-9a-fA-F-]{32,36}""",
    re.VERBOSE | re.ASCII,
)
_WORD = re.compile(r"[\w .()%#$€£/&@'*+?!:°-]*")
_CLOCK = re.compile(r":(?=[0-9]{2}(?![0-9]))")
_LETTERS = "values hold \\t, \\n or \\r, as PostgreSQL's COPY writes tabs and line breaks: they stay as they are"
_NULL = BACKSLASH + "N"
_ESCAPES = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = frozenset("N\\\"',;|\t\r\n" + "tnrbfv0Z")
_BREAKS = re.compile(r"(?<!\\)(?:\\\\)*\\[tnr]")
_STRAY = re.compile(r"""^["']|["']$""")


@dataclass(frozen=True, slots=True)
class Found:
    """A dialect, what is to be doubted about it, and its rows."""

    dialect: Dialect
    doubts: tuple[str, ...]
    rows: tuple[Row, ...]
    is_cut: bool = True
    """Whether some delimiter cuts the rows; else they are of one column."""


def find_dialect(lines: Sequence[str]) -> Found:
    """The dialect of the file that begins with `lines`."""
    start = lines[:_LOOKED_AT]
    scored = [(score, -number, found) for number, found in enumerate(_tried(start)) if (score := _score(found)) > 0]
    if not scored or max(scored)[0] < _BELIEVED:
        return _one_column(lines)
    dialect = max(scored)[2].dialect
    rows = cut(lines, dialect)
    text = "".join(start)
    doubts = (_LETTERS,) if _NULL in text and _is_escaped(text) and _BREAKS.search(text) else ()
    return Found(dialect, doubts, tuple(rows if rows is not None else max(scored)[2].rows))


def _tried(lines: Sequence[str]) -> Iterator[Found]:
    text = "".join(lines)
    delimiters = [character for character in (*_DELIMITERS, *_LESS_LIKELY) if character in text]
    if ":" in delimiters and len(_CLOCK.findall(text)) * 2 > text.count(":"):
        delimiters.remove(":")
    for delimiter in delimiters:
        quotes = ['"', *(["'"] if _may_quote(text, "'", delimiter) else []), *(["none"] if '"' in text else [])]
        for quote in quotes:
            for escape in ("double", *(["backslash"] if _may_escape(text, quote, delimiter) else [])):
                dialect = Dialect(delimiter, quote, escape)
                if (rows := cut(lines, dialect)) is not None:
                    yield Found(dialect, (), tuple(rows))


def _may_escape(text: str, quote: str, delimiter: str) -> bool:
    """Whether a backslash is seen that takes its meaning away from what follows it."""
    if quote == "none":
        return False
    special = (delimiter, BACKSLASH, "\r", "\n")
    return f"{BACKSLASH}{quote}" in text or (_NULL in text and any(f"{BACKSLASH}{each}" in text for each in special))


def _is_escaped(text: str) -> bool:
    """Whether the text is as MySQL and PostgreSQL write theirs: each backslash begins what they write with one."""
    return _NULL in text and set(_ESCAPES.findall(text)) <= _ESCAPED


def _may_quote(text: str, quote: str, delimiter: str) -> bool:
    """Whether a cell is seen that the quote holds on one line: one alone may be an apostrophe."""
    place = re.escape(delimiter)
    cell = rf"(?:^|{place})[ \t]*{quote}(?:[^{quote}\n]|{quote}{quote})+{quote}[ \t]*(?:$|{place})"
    return bool(re.search(cell, text, re.MULTILINE))


def _score(found: Found) -> float:
    rows = [row for row in found.rows if not row.is_blank and not row.text.startswith("#")]
    counts = Counter(len(row.cells) for row in rows if len(row.cells) > 1)
    if not counts:
        return 0.0
    best = 0.0
    for width, count in counts.items():
        body = [row for row in rows if len(row.cells) == width]
        agreeing = count / len(rows)
        neat = sum(_neatness(cell) for row in body for cell in row.cells) / (width * count)
        # A row of two cells agrees with another more easily than one of ten does.
        best = max(best, agreeing**2 * neat**2 * (1 - 0.5 / width))
    delimiter = found.dialect.delimiter
    believed = _DELIMITERS.get(delimiter) or _LESS_LIKELY[delimiter]
    return best * believed * _quoting(found, rows)


def _neatness(cell: str) -> float:
    """How much a cell looks like one value."""
    value = cell.strip()
    if not value:
        return 0.7
    if _TYPED.fullmatch(value):
        return 1.0
    if _STRAY.search(value):
        return 0.2
    if _WORD.fullmatch(value):
        return 0.95
    return 0.6 if re.search(r"[,;|\t]", value) else 0.9


def _quoting(found: Found, rows: Sequence[Row]) -> float:
    """What speaks against the quote. Without any, cells that begin with one are expected to be many and unclosed."""
    if found.dialect.escape == "backslash" and _is_escaped("".join(row.text for row in rows)):
        return 1.02
    if found.dialect.quote == '"':
        return 1.0
    if found.dialect.quote == "'":
        return 0.98
    opened = [cell for row in rows for cell in row.cells if cell.lstrip().startswith('"')]
    unclosed = [cell for cell in opened if len(cell.strip()) < 2 or not cell.rstrip().endswith('"')]
    is_bare = len(unclosed) >= 3 and len(unclosed) * 2 > len(opened)
    return 1.1 if is_bare else 0.3


def _one_column(lines: Sequence[str]) -> Found:
    text = "".join(lines)
    # The delimiter of a file of one column must not occur, or its cells would be cut.
    free = [delimiter for delimiter in _DELIMITERS if delimiter not in text]
    doubts = [] if "," in free else ["no delimiter cuts the lines alike: they are read as one column"]
    dialect = Dialect(free[0] if free else "\x1f")
    rows = tuple(cut(lines, dialect) or ())
    return Found(dialect, tuple(doubts), rows, is_cut=False)
