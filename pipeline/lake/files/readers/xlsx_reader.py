"""Excel workbooks: one sheet, whose cells are text, numbers, dates and booleans as the sheet stores them.

A text cell is read as a cell of CSV is, in the dataset's form; every other cell as what it is. A formula is its stored
result. Rows without any value are no rows. Bad are rows with an error, with a formula that has no result, with a value
in a column without a name, and within merged cells, of which only the first has a value.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column, StageA
from pipeline.lake.datasets.types import Primitive, Type
from pipeline.lake.files.casts import BadValue, cast_text
from pipeline.lake.files.compression import MAGIC_BYTES
from pipeline.lake.files.contracts import map_columns, map_places
from pipeline.lake.files.forms import PLAIN, Form, form_of
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.base import NO_FOOTER, BadRow, Block, Chunk, Reader, declared_of
from pipeline.lake.files.readers.strays import Strays, StrayWatch
from pipeline.lake.files.readers.xlsx_workbook import Cell, Row, Stored, Workbook
from pipeline.lake.files.remarks import is_remark
from pipeline.lake.files.signatures import signature_of
from pipeline.lake.files.source import Source
from pipeline.lake.files.tolerance import BadValues

_CELLS_A_BYTE = 1 / 64
_EXACT = 2**53
_LAST_ROW = 1 << 20
_NOISE_DIGITS, _CLEAN_DIGITS = 16, 13
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_FLOATING = (Primitive.FLOAT, Primitive.DOUBLE)
_INSTANTS = (Primitive.DATE, Primitive.TIMESTAMP)


@dataclass(frozen=True, slots=True)
class Rows(Block):
    """Rows of a sheet."""

    rows: Sequence[Row] = ()


@dataclass(frozen=True, slots=True)
class FooterRows(Rows):
    """Rows that are said to be none: they may be of a sheet that has no footer."""


class XlsxReader(Reader):
    """`settings.sheet` names the sheet if there are several; `header`, `skip_rows` and `skip_footer` count its rows."""

    def __init__(self, source: Source, settings: StageA, contract: Mapping[str, Column], limits: Limits) -> None:
        super().__init__(source, settings, contract, limits)
        self._form = form_of(settings)
        self._names: tuple[str | None, ...] = ()
        self._header: tuple[str, ...] = ()
        self._merged: list[tuple[int, int]] = []
        self._strays = Strays([])
        self._watch = StrayWatch()

    def blocks(self) -> Iterator[Block]:
        """The sheet in blocks of rows; see `Reader.blocks`."""
        workbook = self._open()
        path = self._sheet(workbook)
        self._merged = _united(workbook.merged(path))
        footer: deque[Row] = deque()
        rows = self._data(workbook.rows(path), footer)
        most = max(1, int(self.limits.block * _CELLS_A_BYTE))
        waiting: list[Row] = []
        cells = 0
        for row in rows:
            waiting.append(row)
            cells += len(row[1])
            if cells >= most:
                yield Rows(b"", waiting[0][0], rows=waiting)
                waiting, cells = [], 0
        if waiting:
            yield Rows(b"", waiting[0][0], rows=waiting)
        if footer:
            yield FooterRows(b"", footer[0][0], rows=[*footer])
        if not self._names:
            raise BadObject("the sheet has no header", hint="Its first row with values must name the columns.")

    def parse(self, block: Block) -> Chunk:
        """The rows of a block."""
        assert isinstance(block, Rows)
        if isinstance(block, FooterRows):
            return self._parse_footer(block)
        bad = {row[0]: why for row in block.rows if (why := self._problem(row))}
        bad.update(self._find_strays(block.first, [row for row in block.rows if row[0] not in bad]))
        rows = [row for row in block.rows if row[0] not in bad]
        positions = np.array([number for number, _ in rows], dtype=np.int64)
        columns, cast = self._columns(rows)
        chunk = self.conform(pa.table(columns), positions, lambda index: _raw(rows[index]), cast)
        refused = [BadRow(row[0], bad[row[0]], _raw(row).decode(), bad[row[0]]) for row in block.rows if row[0] in bad]
        return replace(chunk, bad=sorted([*chunk.bad, *refused], key=lambda each: each.line))

    def _columns(self, rows: Sequence[Row]) -> tuple[dict[str, pa.Array], dict[str, BadValues]]:
        columns: dict[str, pa.Array] = {}
        cast: dict[str, BadValues] = {}
        for place, name in enumerate(self._names):
            if name is not None:
                to = self.contract.get(name, Primitive.STRING)
                found = _column([cells.get(place) for _, cells in rows], to, self.forms.get(name, self._form))
                columns[name], cast[name] = found
        return columns, cast

    def _parse_footer(self, block: Rows) -> Chunk:
        """No rows, and as bad ones those that look like data."""
        places = range(len(self._names))
        rows = [row for row in block.rows if not self._problem(row)]
        rows = [row for row in rows if not is_remark([_flat(row[1].get(place)) for place in places])]
        columns, cast = self._columns(rows)
        no_data = self.misfits(pa.table(columns), cast)
        told = [row for place, row in enumerate(rows) if place not in no_data]
        nothing, cast = self._columns([])
        chunk = self.conform(pa.table(nothing), np.array([], dtype=np.int64), lambda _: b"", cast)
        return replace(chunk, bad=[BadRow(row[0], NO_FOOTER, _raw(row).decode(), NO_FOOTER) for row in told])

    def settle(self, block: Block, parsed: Chunk | None) -> Sequence[Chunk]:
        """What was parsed, in the order of the sheet; see `Reader.settle`."""
        parsed = parsed or self.parse(block)
        if not isinstance(block, FooterRows):
            self._watch.settle(block.first)
        return [parsed]

    def _find_strays(self, first: int, rows: Sequence[Row]) -> dict[int, str]:
        """By their numbers, the rows that are no data and why; see `Strays.find`."""
        places = range(len(self._names))
        texts = {str(place): pa.array([_flat(cells.get(place)) for _, cells in rows], pa.string()) for place in places}
        numbers = np.array([number for number, _ in rows], dtype=np.int64)
        found = self._watch.note(first, self._strays.find(pa.table(texts), numbers - first, first))
        return {int(numbers[row]): why for row, why in found.items()}

    def schema(self) -> dict[str, Type]:
        """The sheet's columns under safe names, then those of the contract that it lacks."""
        found = {name: self.contract.get(name, Primitive.STRING) for name in self._names if name is not None}
        return {**found, **{name: kind for name, kind in self.contract.items() if name not in found}}

    def finish(self) -> None:
        """The header was checked when it was read."""

    def _open(self) -> Workbook:
        spooled = self.source.spool()
        first = spooled.read(MAGIC_BYTES)
        if not first:
            raise BadObject("the file is empty", hint="A workbook has a sheet with a header at least.")
        if found := signature_of(first):
            raise BadObject(f"the file is {found.what}", hint=found.hint)
        if not first.startswith(b"PK"):
            raise BadObject("the file is no Excel workbook", hint="Say the right `format` in the definition.")
        return Workbook(spooled, self.limits)

    def _sheet(self, workbook: Workbook) -> str:
        sheets = workbook.sheets()
        names = ", ".join(sheets)
        if self.settings.sheet is not None:
            if self.settings.sheet not in sheets:
                raise BadObject(
                    f"the workbook has no sheet {self.settings.sheet!r}; it has {names}",
                    hint="Say the right `sheet` in the definition.",
                )
            return sheets[self.settings.sheet]
        if len(sheets) != 1:
            raise BadObject(
                f"the workbook has {len(sheets)} sheets: {names}", hint="Say which with `sheet` in the definition."
            )
        return next(iter(sheets.values()))

    def _data(self, rows: Iterator[Row], footer: deque[Row]) -> Iterator[Row]:
        """The rows behind the header and before the footer, whose rows are left in `footer`."""
        header = self.settings.header
        if header is False:
            self._take_names(None)
        skipped = header - 1 if header is not True and header is not False else self.settings.skip_rows
        for row in rows:
            if row[0] <= skipped:
                continue
            if not self._names:
                if header is not True and row[0] != header:
                    raise BadObject(
                        f"row {header} of the sheet is empty, and the dataset says that it is the header",
                        hint="Say the row of the header with `header`.",
                    )
                self._take_names(row)
                continue
            footer.append(row)
            if len(footer) > self.settings.skip_footer:
                yield footer.popleft()

    def _take_names(self, row: Row | None) -> None:
        if row is None:
            self._names = map_places(self.columns)
            self._strays = Strays(self._names)
            return
        cells = row[1]
        self._header = tuple(cells[place].text if place in cells else "" for place in range(max(cells) + 1))
        if len(self._header) > self.limits.columns:
            raise BadObject(f"the header names {len(self._header)} columns; {self.limits.columns} are the limit")
        self._names = map_columns(self._header, self.columns, self.settings)
        self._strays = Strays([text or None for text in self._header])
        self.call({name: header for name, header in zip(self._names, self._header, strict=True) if name is not None})
        safe = [name for name in self._names if name is not None]
        missing = [name for name in self.contract if name not in safe and name not in self.optional]
        if missing:
            raise BadObject(
                f"the header (row {row[0]} of the sheet) lacks {', '.join(missing)}; "
                f"it has {declared_of(safe, self.contract)}",
                hint="Say the row of the header with `header`, or mark the columns optional.",
            )

    def _problem(self, row: Row) -> str:
        """Why a row cannot be one, or nothing."""
        number, cells = row
        for place, cell in cells.items():
            name = self._names[place] if place < len(self._names) else None
            if name is None:
                return f"a value in column {place + 1} of the sheet, which has no name"
            if cell.stored is Stored.BROKEN:
                return f"column {name}: a cell {cell.why}"
        if self._header and all(cells[place].text == text for place, text in enumerate(self._header) if place in cells):
            return "the row repeats the header" if len(cells) > 1 or len(self._header) == 1 else ""
        before = bisect_right(self._merged, (number, _LAST_ROW))
        if before and number <= self._merged[before - 1][1]:
            return "a cell of the row is merged with others, and only the first of them has the value"
        return ""


def _flat(cell: Cell | None) -> str | None:
    """What a cell says, on one line: a row of a sheet takes one, whatever breaks its cells have."""
    return " ".join(cell.text.splitlines()) or None if cell else None


def _united(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The first and last rows of ranges, those that overlap as one, in order."""
    found: list[tuple[int, int]] = []
    for top, bottom in sorted(ranges):
        if found and top <= found[-1][1]:
            found[-1] = found[-1][0], max(bottom, found[-1][1])
        else:
            found.append((top, bottom))
    return found


def _column(cells: Sequence[Cell | None], to: Type, form: Form) -> tuple[pa.Array, dict[int, BadValue]]:
    """Text cells as the dataset writes values, other cells as what they are."""
    texts: list[str | None] = [None] * len(cells)
    plain: list[str | None] = [None] * len(cells)
    bad: dict[int, BadValue] = {}
    for index, cell in enumerate(cells):
        if cell is None:
            continue
        if cell.stored is Stored.TEXT or _has_form(cell, to, form):
            texts[index] = cell.text
        elif cell.stored is Stored.NUMBER and to in _INSTANTS:
            bad[index] = BadValue(cell.text, f"is not {to}: it is a number without a date's format")
        else:
            try:
                plain[index] = _plain_text(cell, to)
            except ValueError as error:
                bad[index] = BadValue(cell.text, f"is not {to}: {error}")
    found, others = cast_text(pa.array(texts, pa.string()), to, form)
    bad.update(others)
    if any(text is not None for text in plain):
        typed, others = cast_text(pa.array(plain, pa.string()), to, replace(PLAIN, timezone=form.timezone))
        bad.update(others)
        found = typed if found.null_count == len(found) else pc.coalesce(found, typed)
    return found, bad


def _has_form(cell: Cell, to: Type, form: Form) -> bool:
    """Whether a number is written as the dataset says of the column: an epoch, yyyyMMdd, or 1 for true."""
    if cell.stored is not Stored.NUMBER:
        return False
    return (to in _INSTANTS and bool(form.pattern)) or (to is Primitive.BOOLEAN and bool(form.true_values))


def _plain_text(cell: Cell, to: Type) -> str:
    if cell.stored is Stored.DATE and to is Primitive.DATE:
        return cell.text.removesuffix("T00:00:00")
    if cell.stored is not Stored.NUMBER:
        return cell.text
    text = _number_text(cell.text, to)
    # A postal code that is kept as a number has its zeros in the format alone.
    return text.zfill(cell.digits) if to is Primitive.STRING and text.isdecimal() else text


def _number_text(text: str, to: Type) -> str:
    """A number as the sheet shows it: an integer with all its digits, another without the noise of binary fractions.

    ValueError for an integer that the sheet has rounded already.
    """
    digits = text.lstrip("-")
    if digits.isdecimal():
        return text
    if not _NUMBER.fullmatch(text) or math.isinf(value := float(text)):
        raise ValueError("it is not a number")
    if to in _FLOATING:
        return repr(value)
    if value.is_integer():
        if abs(value) >= _EXACT:
            raise ValueError("it has more digits than a sheet keeps of a number; write it as text")
        return str(int(value))
    exact, short = repr(value), f"{value:.15g}"
    noise = _digits(exact) >= _NOISE_DIGITS and _digits(short) <= _CLEAN_DIGITS
    return short if noise else exact


def _digits(number: str) -> int:
    return len(number.partition("e")[0].replace(".", "").lstrip("-0"))


def _raw(row: Row) -> bytes:
    """The cells of a row in order, as a JSON list."""
    cells = row[1]
    texts = [cells[place].text if place in cells else None for place in range(max(cells) + 1)]
    return json.dumps(texts, ensure_ascii=False).encode()
