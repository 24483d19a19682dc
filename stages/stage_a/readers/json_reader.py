"""JSON: an array of objects, or one object a line. Types are JSON's own, widened to hold every value; see `json_shapes`.

Arrow reads a block with the schema that held so far. A block that does not fit is cut into pieces, and what still does
not fit is read record by record in Python, which widens the schema or finds the row that is bad. So the result does
not depend on where blocks were cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.json

from pipeline.datasets import Column
from pipeline.datasets.arrow import arrow_type
from pipeline.datasets.types import Array, Decimal, Map, Primitive, Struct, Type
from pipeline.errors import BadObject
from stages.stage_a.casts import Mismatch, cast_column, check_floating
from stages.stage_a.limits import Limits
from stages.stage_a.names import check_names, safe_name
from stages.stage_a.readers.base import (
    BadRow,
    Block,
    Chunk,
    Positions,
    Reader,
    Settings,
    apply_contract,
    decode_raw,
    line_of,
    one_array,
)
from stages.stage_a.readers.json_shapes import Rewrite, Shape, rewrite_fields, to_text
from stages.stage_a.readers.json_split import WHITESPACE, ArrayBlocks, line_blocks
from stages.stage_a.source import Source
from stages.stage_a.values import load_record

_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What Arrow is told to expect, by the file's own names; `names` are the safe ones."""

    schema: pa.Schema
    names: tuple[str, ...]


class JsonReader(Reader):
    """`settings.format` json takes both layouts, jsonl lines only. Keeps what it learned for a second reading."""

    def __init__(self, source: Source, settings: Settings, contract: Mapping[str, Column], limits: Limits) -> None:
        super().__init__(source, settings, contract, limits)
        self._shapes: dict[str, Shape] = {}
        self._names: dict[str, str] = {}
        self._snapshot: _Snapshot | None = _Snapshot(pa.schema([]), ())
        self._rows_in = 0
        self._records = 0
        self._first_problem: BadRow | None = None

    def read_again(self, source: Source) -> None:
        """Start over with a second reading of the same bytes; the schema is known now and does not change."""
        self.source = source

    def blocks(self) -> Iterator[Block]:
        data = self.source.read(self.limits.first_sample)
        text = data.lstrip(WHITESPACE)
        while data and not text:
            # Blank lines count as lines; there may be any number of them before the first record.
            more = self.source.read(self.limits.first_sample)
            if not more:
                break
            data += more
            text = data.lstrip(WHITESPACE)
        if not text:
            raise BadObject("the file is empty", hint="Send at least [] or one line.")
        if self.settings.format == "json" and text.startswith(b"["):
            yield from ArrayBlocks(self.source, self.limits, text, len(data) - len(text))
            return
        if self.settings.format == "json" and not text.startswith(b"{"):
            raise BadObject(
                f"the file is neither a JSON array nor JSON lines: it begins with {decode_raw(text[:20])!r}",
                hint="Send an array of objects, or one object a line.",
            )
        yield from line_blocks(self.source, self.limits, data)

    def parse(self, block: Block) -> Chunk | None:
        snapshot = self._snapshot
        return self._read_fast(block.data, block.records, block.first, snapshot) if snapshot else None

    def settle(self, block: Block, parsed: Chunk | None) -> Chunk:
        chunk = parsed or self._read_fast(block.data, block.records, block.first, self._current())
        if chunk is None:
            chunk = self._read_pieces(block)
        self._records += chunk.table.num_rows
        self._rows_in += chunk.table.num_rows + len(chunk.bad)
        return chunk

    def schema(self) -> dict[str, Type]:
        found = {
            safe: self.contract.get(safe) or self._shapes[name].type() for name, safe in self._names.items()
        }
        return {**found, **{name: kind for name, kind in self.contract.items() if name not in found}}

    def finish(self) -> None:
        if self._first_problem and not self._names and not self._records:
            raise BadObject(
                f"no row is a JSON object; the first, at {self._first_problem.line}: {self._first_problem.reason}",
                hint="JSON lines hold one whole object a line; a pretty-printed object must be put on one line.",
            )
        if not self._rows_in:
            return
        present = set(self._names.values())
        missing = [name for name in self.contract if name not in present and name not in self.optional]
        if missing:
            raise BadObject(
                f"no record has {', '.join(missing)}; they have {', '.join(sorted(present))[:500]}",
                hint="Send the columns, or mark them optional in the dataset's definition.",
            )

    def _current(self) -> _Snapshot:
        if self._snapshot is None:
            fields = [
                pa.field(name, self._expected(safe) if safe in self.contract else self._shapes[name].physical())
                for name, safe in self._names.items()
            ]
            self._snapshot = _Snapshot(pa.schema(fields), tuple(self._names.values()))
        return self._snapshot

    def _expected(self, name: str) -> pa.DataType:
        return _expected(self.contract[name])

    def _read_fast(
        self, data: bytes, records: Sequence[bytes] | None, first: int, snapshot: _Snapshot
    ) -> Chunk | None:
        """All rows by Arrow, or None if one of them needs a closer look."""
        rows = _count_objects(data, records)
        if not rows:
            return None
        try:
            table = _read(data, snapshot.schema)
            if table.num_rows != rows:
                return None
            if not data.isascii():
                table.validate(full=True)
            columns = [
                self._convert(one_array(column), name)
                for column, name in zip(table.columns, snapshot.names, strict=True)
            ]
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, Mismatch, UnicodeDecodeError):
            return None
        if not columns:
            return None
        return Chunk(pa.table(columns, names=list(snapshot.names)), line_of(rows, first))

    def _convert(self, column: pa.Array, name: str) -> pa.Array:
        if name in self.contract:
            return cast_column(column, self.contract[name])
        _check_doubles(column)
        return column

    def _read_pieces(self, block: Block) -> Chunk:
        chunks = []
        first = block.first
        for piece in _pieces(block.data.split(b"\n") if block.records is None else block.records):
            data = b"\n".join(piece)
            chunk = self._read_fast(data, None if block.records is None else piece, first, self._current())
            chunks.append(chunk or self._read_records(piece, first, lines=block.records is None))
            first += len(piece)
        return Chunk(
            pa.concat_tables([chunk.table for chunk in chunks], promote_options="none") if len(chunks) == 1 else _concat(chunks),
            np.concatenate([chunk.positions for chunk in chunks]),
            [bad for chunk in chunks for bad in chunk.bad],
        )
