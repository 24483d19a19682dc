"""What Parquet, Avro and ORC have in common: columns with types of their own, read in batches of rows.

A column of the contract takes the values that are exactly of its type; another value makes its row bad. A column whose
type can never be that of the contract refuses the file. Columns that the contract lacks keep their own type, or the
next that holds all their values.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column, StageA
from pipeline.lake.datasets.types import Type
from pipeline.lake.files.contracts import map_columns
from pipeline.lake.files.forms import form_of
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.base import SEND_COLUMNS, Block, Chunk, Reader, declared_of, line_of
from pipeline.lake.files.source import Source
from pipeline.lake.files.tolerance import BadValues
from pipeline.lake.files.typed_columns import fit
from pipeline.lake.files.typed_kinds import can_be, natural_type, said
from pipeline.lake.files.typed_texts import json_values
from pipeline.lake.files.values import json_text


@dataclass(frozen=True, slots=True)
class Batch(Block):
    """Rows as columns. `first` is the number of the first in the file, from 1."""

    columns: pa.RecordBatch | None = None


class TypedReader(Reader):
    """A file that says the types of its columns at its start, or its end."""

    def __init__(self, source: Source, settings: StageA, contract: Mapping[str, Column], limits: Limits) -> None:
        super().__init__(source, settings, contract, limits)
        self._names: tuple[str, ...] = ()
        self._found: dict[str, Type] = {}
        self._form = form_of(settings)

    @abstractmethod
    def open(self) -> pa.Schema:
        """The file's columns. BadObject if it is not of the format."""

    @abstractmethod
    def batches(self) -> Iterator[pa.RecordBatch]:
        """Its rows in order, some megabytes at a time; after `open`."""

    def blocks(self) -> Iterator[Block]:
        """The file in batches of rows; see `Reader.blocks`."""
        self._take_schema(self.open())
        first = 1
        for batch in self.batches():
            if batch.num_rows:
                yield Batch(b"", first, columns=batch)
            first += batch.num_rows

    def parse(self, block: Block) -> Chunk:
        """The rows of a batch with the dataset's types."""
        assert isinstance(block, Batch)
        batch = block.columns
        assert batch is not None
        columns: list[pa.Array] = []
        cast: dict[str, BadValues] = {}
        for name, column in zip(self._names, batch.columns, strict=True):
            found, cast[name] = fit(column, self._found[name], self.forms.get(name, self._form))
            columns.append(found)
        table = pa.table(columns, names=list(self._names))
        return self.conform(table, line_of(batch.num_rows, block.first), lambda row: _raw(batch.slice(row, 1)), cast)

    def settle(self, block: Block, parsed: Chunk | None) -> Sequence[Chunk]:
        """What was parsed, in the order of the file; see `Reader.settle`."""
        return [parsed or self.parse(block)]

    def schema(self) -> dict[str, Type]:
        """The file's columns under safe names, then those of the contract that it lacks."""
        return {**self._found, **{name: kind for name, kind in self.contract.items() if name not in self._found}}

    def finish(self) -> None:
        """The columns were checked when the file was opened."""

    def _take_schema(self, schema: pa.Schema) -> None:
        if len(schema) > self.limits.columns:
            raise BadObject(f"the file has {len(schema)} columns; {self.limits.columns} are the limit")
        names = map_columns(schema.names, self.columns, self.settings)
        nameless = [place for place, name in enumerate(names, 1) if name is None]
        if nameless:
            raise BadObject(f"column {nameless[0]} has an empty name", hint="Give every column a name.")
        self._names = tuple(name for name in names if name is not None)
        self.call(dict(zip(self._names, schema.names, strict=True)))
        missing = [name for name in self.contract if name not in self._names and name not in self.optional]
        if missing:
            raise BadObject(
                f"the file lacks {', '.join(missing)}; it has {declared_of(self._names, self.contract)}",
                hint=SEND_COLUMNS,
            )
        for name, part in zip(self._names, schema, strict=True):
            self._found[name] = self._type(name, part.type)

    def _type(self, name: str, of: pa.DataType) -> Type:
        natural: Type | None
        try:
            natural, problem = natural_type(of, self.limits.depth), ""
        except ValueError as error:
            natural, problem = None, str(error)
        declared = self.contract.get(name)
        if declared is None:
            if natural is None:
                raise BadObject(
                    f"column {name}: {problem}", hint="Leave the column out of the file, or write it as text."
                )
            return natural
        if not can_be(of, declared, self.forms[name]):
            hint = f"Declare the column as {natural}, which it is in the file." if natural else None
            raise BadObject(
                f"column {name} is {said(of)} in the file, and the dataset declares {declared}",
                hint=hint or "Write the column as text.",
            )
        return declared


def _raw(row: pa.RecordBatch) -> bytes:
    """A row as JSON, under the file's own names."""
    values = [(name, json_values(column)[0]) for name, column in zip(row.schema.names, row.columns, strict=True)]
    return json_text(dict(values)).encode()


@contextmanager
def damage_of(format: str, what: str) -> Iterator[None]:
    """Errors of Arrow's within are those of a damaged file; `what` says of which part."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if getattr(error, "errno", None) is not None:
            raise
        raise BadObject(
            f"the {format} file is damaged or cut: {what}",
            hint="The upload was cut or damaged: send the file again.",
        ) from error
