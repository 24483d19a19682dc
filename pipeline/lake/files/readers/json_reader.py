"""JSON: documents (arrays, objects), or one object a line. Types are JSON's own, widened to hold all (`json_shapes`).

Arrow reads a block with the schema that held so far. A block that does not fit is cut into pieces, and what still does
not fit is read record by record in Python, which widens the schema or finds the row that is bad. So the result does
not depend on where blocks were cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from pipeline.core.errors import BadObject, Inconsistent
from pipeline.lake.datasets import Column, StageA
from pipeline.lake.datasets.names import bare_name
from pipeline.lake.datasets.types import Primitive, Type
from pipeline.lake.files.casts import BadValue, Mismatch
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.base import (
    SEND_COLUMNS,
    BadRow,
    Block,
    Chunk,
    Positions,
    RawRow,
    Reader,
    Recut,
    declared_of,
    decode_raw,
    line_of,
    merge,
    one_array,
)
from pipeline.lake.files.readers.faults import as_written
from pipeline.lake.files.readers.json_arrow import check_decimals, check_doubles, may_be_null_words, read_objects
from pipeline.lake.files.readers.json_columns import Columns, Expectation
from pipeline.lake.files.readers.json_documents import breaks_off, document_records, holds_lines
from pipeline.lake.files.readers.json_numbers import may_round
from pipeline.lake.files.readers.json_rows import Pieces, Row, count_objects, load_object, rows_of, text_of
from pipeline.lake.files.readers.json_shapes import NUMERALS, rewrite_fields
from pipeline.lake.files.readers.json_split import Text, Window, line_blocks, record_blocks
from pipeline.lake.files.readers.json_texts import quoted
from pipeline.lake.files.source import Source
from pipeline.lake.files.streams import TextStream
from pipeline.lake.files.strict_json import DuplicateKey
from pipeline.lake.files.text_bytes import check_utf8
from pipeline.lake.files.tolerance import BadValues


class JsonReader(Reader):
    """`settings.format` json takes every layout, jsonl lines only. Keeps what it learned for a second reading."""

    rereads = True

    def __init__(self, source: Source, settings: StageA, contract: Mapping[str, Column], limits: Limits) -> None:
        super().__init__(source, settings, contract, limits)
        self._text = TextStream(source, settings.encoding)
        self._columns = Columns(settings, contract, self.contract, self.forms, limits)
        self._complete = False
        self._rows_out = 0
        self._first_problem: BadRow | None = None

    def read_again(self, source: Source) -> None:
        """Start over with a second reading of the same bytes; the schema is known now and does not change."""
        self._text = TextStream(source, self.settings.encoding)
        self._complete = True
        self._rows_out = 0
        self._first_problem = None

    def blocks(self) -> Iterator[Block]:
        """The file in blocks of whole records; see `Reader.blocks`."""
        window = Window(self._text, self.limits, careful=self.careful)
        try:
            yield from self._blocks(window)
        except BadObject:
            # Behind a wrong guess all is wrong.
            if window.guessed:
                raise Recut from None
            raise

    def _blocks(self, window: Window) -> Iterator[Block]:
        # Blank lines count as lines; there may be any number of them before the first record.
        line = 1 + window.skip_blanks()
        if not window.data:
            raise BadObject("the file is empty", hint="Send at least [] or one line.")
        if self.settings.records is None and self._holds_lines(window):
            yield from line_blocks(window, line)
        else:
            path = (self.settings.records or "$").split(".")[1:]
            yield from record_blocks(document_records(window, path), self.limits)

    def bad_values(self, found: Mapping[str, BadValues], raw: RawRow) -> Mapping[str, BadValues]:
        """JSON's own numbers were written in the dataset's form; see `Reader.bad_values`."""
        if self.settings.decimal == "." or not any(found.values()):
            return found
        keys = {name: key for key, name in self._columns.names.items()}
        return {
            name: {row: _as_numbered(value, raw(row), keys.get(name, name)) for row, value in values.items()}
            for name, values in found.items()
        }

    def _holds_lines(self, window: Window) -> bool:
        array, lines = window.data.startswith(b"["), self.settings.format == "jsonl"
        if array and lines:
            raise BadObject("the file is a JSON array, not JSON lines", hint="Say `format: json` in the definition.")
        if lines and breaks_off(window.data):
            raise BadObject(
                "the file is an object that spans lines, not JSON lines",
                hint="Say `format: json` in the definition, or put each record on one line.",
            )
        if not lines and not array and not window.data.startswith(b"{"):
            raise BadObject(
                "the file is neither a JSON array nor JSON lines: it begins with neither [ nor {",
                hint="Send an array of objects, or one object a line.",
            )
        return lines or (not array and holds_lines(window))

    def parse(self, block: Block) -> Chunk | None:
        """The rows of a block by pyarrow, if the columns seen so far fit; else None, and `settle` reads them."""
        expected = self._columns.known()
        rows = count_objects(block)
        return self._read_fast(text_of(block), line_of(rows, block.first), expected) if expected and rows else None

    def settle(self, block: Block, parsed: Chunk | None) -> Sequence[Chunk]:
        """The rows of a block, with the columns that it adds; see `Reader.settle`."""
        # What did not fit when it was parsed may fit what the blocks before it have taught since.
        parsed = parsed or self.parse(block)
        chunks = [parsed] if parsed else merge(self._read_pieces(block))
        for chunk in chunks:
            self._rows_out += len(chunk.positions)
            self._first_problem = self._first_problem or next(iter(chunk.bad), None)
            self._columns.note(chunk.table)
        # For the threads that parse, who have none while it changes.
        self._columns.expectation()
        return chunks

    def schema(self) -> dict[str, Type]:
        """The columns seen so far under safe names, then those of the contract that it lacks."""
        return self._columns.schema()

    def finish(self) -> None:
        """`BadObject` if no row was an object, or a column of the contract is in none."""
        problem = self._first_problem
        present = set(self._columns.names.values())
        if problem and not present and not self._rows_out:
            raise BadObject(
                f"no row is a JSON object that can be read; the first, at {problem.line}: {problem.told}",
                hint='A row is one object, such as {"id": 1}, with each key once; JSON lines hold one a line.',
            )
        missing = [name for name in self.contract if name not in present and name not in self.optional]
        if missing and (problem or self._rows_out):
            raise BadObject(
                f"no record has {', '.join(missing)}; they have {declared_of(sorted(present), self.contract)}",
                hint=SEND_COLUMNS,
            )

    def _read_fast(self, text: Text, positions: Positions, expected: Expectation) -> Chunk | None:
        """All rows by Arrow, or None if one of them needs a closer look. The text must begin with an object."""
        if not self.tolerance.required <= set(expected.names):
            return None
        found = self._read_whole(text, positions, expected)
        if found or not expected.texts:
            return found
        written = quoted(text, expected.texts, len(positions))
        return None if written is None else self._read_whole(written, positions, expected)

    def _read_whole(self, text: Text, positions: Positions, expected: Expectation) -> Chunk | None:
        try:
            table = read_objects(text, expected.schema)
            if table.num_rows != len(positions):
                return None
            check_decimals(text, table)
            if expected.inexact and may_round(text):
                return None
            # Arrow's JSON reader does not check that strings are UTF-8.
            check_utf8(text)
            columns = [
                self._convert(one_array(column), name)
                for column, name in zip(table.columns, expected.names, strict=True)
            ]
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, Mismatch, UnicodeDecodeError):
            return None
        return self.conform_good(pa.table(columns, names=list(expected.names)), positions)

    def _convert(self, column: pa.Array, name: str) -> pa.Array:
        if name in self.contract:
            if may_be_null_words(column, self.forms[name]):
                raise Mismatch
            epochs = self.contract[name] is Primitive.TIMESTAMP and pa.types.is_integer(column.type)
            return self.cast(column.cast(pa.string()) if epochs else column, name)
        check_doubles(column)
        return column

    def _read_pieces(self, block: Block) -> Iterator[Chunk]:
        pieces = Pieces(rows_of(block))
        for piece in pieces:
            chunk = None
            if all(row.raw[:1] == b"{" and row.raw[-1:] == b"}" for row in piece):
                positions = np.array([row.position for row in piece], dtype=np.int64)
                chunk = self._read_fast(_joined(row.raw for row in piece), positions, self._columns.expectation())
            pieces.learn(fits=chunk is not None)
            yield chunk or self._read_rows(piece)

    def _read_rows(self, rows: Sequence[Row]) -> Chunk:
        """Widen the schema by each row that is good JSON, then read those with it."""
        good: list[Row] = []
        bad: list[BadRow] = []
        for row in rows:
            try:
                record = load_object(row.raw, self._text.encoding)
                _check_blank_keys(record)
            except ValueError as error:
                bad.append(self._bad(row, error))
            else:
                if not self._complete:
                    self._columns.observe(record)
                good.append(row)
        self.call({name: key for key, name in self._columns.names.items()})
        positions: Positions = np.array([row.position for row in good], dtype=np.int64)
        table = self._read_as_text([row.raw for row in good])
        chunk = self.conform(table, positions, lambda index: good[index].raw)
        return replace(chunk, bad=sorted([*bad, *chunk.bad], key=lambda each: each.line))

    def _bad(self, row: Row, error: ValueError) -> BadRow:
        """Others may read of a key only if the dataset declares it."""
        reason = error.named if isinstance(error, DuplicateKey) else str(error)
        is_declared = isinstance(error, DuplicateKey) and error.key in self.contract
        return BadRow(
            row.position,
            reason,
            decode_raw(as_written(row.raw, self._text.encoding)),
            reason if is_declared else str(error),
        )

    def _read_as_text(self, records: Sequence[bytes]) -> pa.Table:
        """The contract's columns as the text of their JSON, the others in their shape, both under the table's names."""
        schema, parts = self._columns.as_text()
        if parts:
            rewrite = rewrite_fields(parts)
            records = [bytes(rewrite(msgspec.Raw(record))) for record in records]
        # Only keys without a letter are in no column, and hold nothing.
        table = read_objects(_joined(records), schema, "ignore") if records else schema.empty_table()
        if table.num_rows != len(records):
            raise Inconsistent(f"{len(records)} JSON records were read as {table.num_rows}")
        return table.rename_columns(list(self._columns.names.values()))


_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _as_numbered(value: BadValue, record: bytes, key: str) -> BadValue:
    """The value as the record has it, if that is a number."""
    written = bytes(_fields.decode(record).get(key, b""))
    return replace(value, text=written.decode()) if written[:1] in NUMERALS else value


def _check_blank_keys(record: Mapping[str, Any]) -> None:
    if any(value not in (None, "") for key, value in record.items() if not bare_name(key)):
        raise ValueError("a value stands under a key without a name")


def _joined(records: Iterable[bytes]) -> Text:
    return np.frombuffer(b"\n".join(records), np.uint8)
