"""XML: every element of one name is a row, whose attributes and children are its columns (see `xml_records`).

Texts are read in the dataset's form, what nests is JSON text or of the declared type. Rows are numbered from 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from lxml import etree

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column, StageA
from pipeline.lake.datasets.types import Primitive, Type
from pipeline.lake.files.casts import cast_text
from pipeline.lake.files.contracts import map_columns
from pipeline.lake.files.forms import form_of
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.base import SEND_COLUMNS, BadRow, Block, Chunk, Reader, declared_of
from pipeline.lake.files.readers.xml_elements import Elements
from pipeline.lake.files.readers.xml_records import record_of, shaped
from pipeline.lake.files.source import Source
from pipeline.lake.files.tolerance import BadValues
from pipeline.lake.files.values import json_text

_GROWTH = 8
"""How much larger records are in memory than in the file."""


@dataclass(frozen=True, slots=True)
class Records(Block):
    """Good records with their numbers, and those that would lose something."""

    rows: Sequence[tuple[int, dict[str, Any]]] = ()
    bad: Sequence[BadRow] = ()


class XmlReader(Reader):
    """`settings.records` is the name of the elements that are rows, in whatever namespace."""

    rereads = True

    def __init__(self, source: Source, settings: StageA, contract: Mapping[str, Column], limits: Limits) -> None:
        super().__init__(source, settings, contract, limits)
        self._form = form_of(settings)
        self._names: dict[str, str] = {}
        self._rows = 0

    def read_again(self, source: Source) -> None:
        """Start over with a second reading of the same bytes; the columns are known now."""
        self.source = source
        self._rows = 0

    def blocks(self) -> Iterator[Block]:
        """The records, some megabytes at a time; see `Reader.blocks`."""
        name = (self.settings.records or "").rpartition(":")[2]
        elements = Elements(self.source, name, self.limits.record)
        rows: list[tuple[int, dict[str, Any]]] = []
        bad: list[BadRow] = []
        number = first = 0
        start = 0
        for number, element in enumerate(elements, 1):
            first = first or number
            try:
                rows.append((number, record_of(element)))
            except ValueError as error:
                bad.append(BadRow(number, str(error), etree.tostring(element, encoding="unicode"), str(error)))
            if elements.size - start >= self.limits.block // _GROWTH:
                yield Records(b"", first, rows=rows, bad=bad)
                rows, bad, first, start = [], [], 0, elements.size
        if rows or bad:
            yield Records(b"", first, rows=rows, bad=bad)
        if not number and len(elements.first_names) > 1:
            raise BadObject(
                f"the file has no element <{name}>; it begins with <{'>, <'.join(elements.first_names)}>",
                hint="Say the name of the elements that are rows with `records`.",
            )

    def parse(self, block: Block) -> None:
        """Only `settle` knows the columns of the records before."""

    def settle(self, block: Block, parsed: Chunk | None) -> Sequence[Chunk]:
        """The rows of a block, with the columns that it adds; see `Reader.settle`."""
        assert isinstance(block, Records)
        self._learn(block.rows)
        self._rows += len(block.rows) + len(block.bad)
        columns: dict[str, pa.Array] = {}
        cast: dict[str, BadValues] = {}
        for name, safe in self._names.items():
            values = [record.get(name) for _, record in block.rows]
            to = self.contract.get(safe)
            texts = pa.array([_text(value, to) for value in values], pa.string())
            form = self.forms.get(safe, self._form)
            columns[safe], cast[safe] = cast_text(texts, to or Primitive.STRING, form)
        positions = np.array([number for number, _ in block.rows], dtype=np.int64)
        chunk = self.conform(pa.table(columns), positions, lambda index: json_text(block.rows[index][1]).encode(), cast)
        return [replace(chunk, bad=sorted([*chunk.bad, *block.bad], key=lambda each: each.line))]

    def schema(self) -> dict[str, Type]:
        """The columns seen so far under safe names, then those of the contract that it lacks."""
        found = {safe: self.contract.get(safe, Primitive.STRING) for safe in self._names.values()}
        return {**found, **{name: kind for name, kind in self.contract.items() if name not in found}}

    def finish(self) -> None:
        """`BadObject` if a column of the contract is in no record."""
        present = sorted(self._names.values())
        missing = [name for name in self.contract if name not in present and name not in self.optional]
        if missing and self._rows:
            raise BadObject(
                f"no record has {', '.join(missing)}; they have {declared_of(present, self.contract)}",
                hint=SEND_COLUMNS,
            )

    def _learn(self, rows: Sequence[tuple[int, dict[str, Any]]]) -> None:
        names = dict.fromkeys([*self._names, *(name for _, record in rows for name in record)])
        if len(names) == len(self._names):
            return
        if len(names) > self.limits.columns:
            raise BadObject(
                f"the records have more than {self.limits.columns} different names of elements and attributes",
                hint="Is `records` the name of the elements that are rows?",
            )
        mapped = map_columns(list(names), self.columns, self.settings)
        self._names = {name: safe for name, safe in zip(names, mapped, strict=True) if safe is not None}
        self.call({safe: name for name, safe in self._names.items()})


def _text(value: Any, to: Type | None) -> str | None:
    value = value if to is None else shaped(value, to)
    return value if value is None or isinstance(value, str) else json_text(value)
