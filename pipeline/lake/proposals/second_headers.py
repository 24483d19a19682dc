"""Rows right below a header that are no data: units of the columns, types, what the names mean, the second of two."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.lake.proposals.headers import Table, is_value
from pipeline.lake.proposals.kinds import kind_of
from pipeline.lake.proposals.rows import Row

_MISSING = re.compile(r"(?i)missing|unknown|unbekannt|tbd|n/?d|not available|error|err|ovl|fail(ed)?|invalid|bad|off")
_PLAIN_UNIT = (
    r"[kKMGTPmµμuncdh]?(?:m|g|s|A|K|mol|cd|Hz|N|Pa|J|W|V|F|Ω|ohm|lm|lx|l|L|bar|Wh|Ah|eV|bit|t)(?:[²³23]|\^-?\d)?"
    r"|°[CFK]?|%|‰|pp[mbt]|min|hr?|d|days?|yr|pH|psi|mph|kn|kt|dB|rpm|ft|in|mi|lbs?|oz|ha|pcs?|Stk|[$€£¥]|EUR|USD|GBP|CHF|JPY|CNY|SEK|NOK|DKK|PLN|CZK|AUD|CAD"
    r"|Anzahl|Zahl|Number|number|Count|count"
)
_UNIT = re.compile(rf"[\[(][^\])]{{1,12}}[\])]|(?:{_PLAIN_UNIT})(?:[ ·*/](?:{_PLAIN_UNIT})){{0,3}}")
"""A unit of measure: a word in brackets, or one of those that are written often, also divided by each other. Any short
word would take a row of data away: a value that is no number stands above numbers, too."""

_SHOWN = 30
"""Characters of a cell that a doubt quotes."""


@dataclass(frozen=True, slots=True)
class Below:
    """How many rows below the header are no data, the names of the columns if it takes both, and what is not sure."""

    count: int
    names: tuple[str, ...] | None = None
    doubts: tuple[str, ...] = ()


def look_below(table: Table, header: int) -> Below:
    """What stands between a header and the data.

    A row says units in whose columns of numbers stand known ones, or words in brackets. One that has words in each of
    several columns that hold numbers and dates is no row of data either. In a single one it may be.
    """
    count = _skipped(table, header)
    rows = table.rows[header + 1 : header + 1 + count]
    if not count:
        return Below(0, doubts=tuple(_one_word(table, header)))
    lines = f"line {rows[0].line} " if count == 1 else f"lines {', '.join(str(row.line) for row in rows)} "
    if all(_says_units(_said(table, row)) for row in rows):
        return Below(count, doubts=(f"{lines}{'says units and is' if count == 1 else 'say units and are'} skipped",))
    has = "has words where rows below have values, and is" if count == 1 else "have words, and no values, and are"
    doubt = f"{lines}{has} taken for a second header, and skipped"
    if _is_grouped(table.rows[header], table.width):
        names = _joined(table.rows[header].cells, rows[0].cells)
        return Below(count, names, (f"{doubt}; the names are of both lines",))
    return Below(count, doubts=(doubt,))


def look_above(table: Table, header: int) -> list[str]:
    """Doubts about the row above the header, if it may be the first of two."""
    above = table.rows[header - 1] if header else None
    if above is None or len(above.cells) != table.width or above.filled < 2 or above.filled == table.width:
        return []
    shown = next(cell.strip() for cell in above.cells if cell.strip())[:_SHOWN]
    return [f"line {above.line}, above the header, may be part of it ({shown!r}, …): it is not read"]


def _skipped(table: Table, header: int) -> int:
    grouped = _is_grouped(table.rows[header], table.width)
    count = 0
    for row in table.rows[header + 1 : -1]:
        if not any(table.kinds) or len(row.cells) != table.width or table.fits(row):
            break
        said = _said(table, row)
        if count and row.filled and all(map(_is_name, said)):
            # Of a further one, some columns have nothing to say.
            count += 1
            continue
        if not said or not (_says_units(said) or _says_names(table, row) or (grouped and _names_groups(table, row))):
            break
        count += 1
    return count


def _said(table: Table, row: Row) -> list[str]:
    return [cell.strip() for _, cell in table.typed(row) if cell.strip()]


def _says_units(said: Sequence[str]) -> bool:
    return all(map(_UNIT.fullmatch, said))


def _says_names(table: Table, row: Row) -> bool:
    """Whether it has words in each column of values: different ones, or many. What is missing is said in one word."""
    typed = [cell.strip().lower() for _, cell in table.typed(row)]
    enough = 2 if len(set(typed)) == len(typed) or {"date", "time"} & {*table.kinds} else 3
    return len(typed) >= enough and all(typed) and all(map(_is_word, typed))


def _names_groups(table: Table, row: Row) -> bool:
    """Whether it has names, codes too, in each column of values, several of them."""
    typed = [cell.strip() for _, cell in table.typed(row)]
    return len(typed) > 1 and len(set(typed)) > 1 and all(typed) and all(map(_is_name, typed))


def _is_grouped(row: Row, width: int) -> bool:
    """Whether some names of a header stand for several columns: behind each of them is nothing."""
    return len(row.cells) == width and row.filled > 1 and any(not cell.strip() for cell in row.cells[1:])


def _joined(groups: Sequence[str], cells: Sequence[str]) -> tuple[str, ...]:
    names, group = list[str](), ""
    for above, cell in zip(groups, cells, strict=True):
        group = above.strip() or group
        names.append(f"{group} {cell.strip()}".strip())
    return tuple(names)


def _one_word(table: Table, header: int) -> list[str]:
    """A doubt where the first row has a word in the only column of values, or in some of them."""
    row = table.rows[header + 1] if header + 2 < len(table.rows) else None
    if row is None or len(row.cells) != table.width or row.filled < table.width:
        return []
    words = [cell.strip() for _, cell in table.typed(row) if _is_word(cell)]
    if not words or len(words) < len(table.typed(row)):
        return []
    return [
        f"line {row.line} is read as a row, though it has {words[0][:_SHOWN]!r} where rows below have values; if it is "
        f"a second header, say `header: false` and `skip_rows: {row.line}`"
    ]


def _is_name(cell: str) -> bool:
    return kind_of(cell) != " " and not is_value(cell) and not _MISSING.fullmatch(cell.strip())


def _is_word(cell: str) -> bool:
    """A word that is no value, and does not stand for one that is missing."""
    return kind_of(cell) == "" and not _MISSING.fullmatch(cell.strip())
