"""The columns of a JSON file as far as its records have shown them: names, shapes, and what Arrow is told to expect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline.core.errors import BadObject
from pipeline.lake.datasets import Column, StageA
from pipeline.lake.datasets.names import bare_name
from pipeline.lake.datasets.types import Primitive, Type
from pipeline.lake.files.contracts import map_columns
from pipeline.lake.files.forms import Form
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.readers.base import one_array
from pipeline.lake.files.readers.json_arrow import expected_type, has_double
from pipeline.lake.files.readers.json_shapes import Base, Rewrite, Shape, as_written


@dataclass(frozen=True, slots=True)
class Expectation:
    """What Arrow is told to expect, by the file's own keys; `names` are the table's.

    `inexact` if it makes doubles of numbers for which no contract says that they are. `texts` are the keys under which
    any value is text.
    """

    schema: pa.Schema
    names: tuple[str, ...]
    inexact: bool
    texts: tuple[str, ...] = ()


class Columns:
    """Mutable: one thread observes, others use the expectations made of it."""

    def __init__(
        self,
        settings: StageA,
        declared: Mapping[str, Column],
        contract: Mapping[str, Type],
        forms: Mapping[str, Form],
        limits: Limits,
    ) -> None:
        self._settings = settings
        self._declared = declared
        self._contract = contract
        self._forms = forms
        self._limits = limits
        self._shapes: dict[str, Shape] = {}
        self._expectation: Expectation | None = Expectation(pa.schema([]), (), False)
        self.names: dict[str, str] = {}
        """The table's names by the file's keys, in the order in which they came."""

    def schema(self) -> dict[str, Type]:
        """The columns seen so far, then those of the contract that the file lacks."""
        found = {
            name: self._contract[name] if name in self._contract else self._shapes[key].type()
            for key, name in self.names.items()
        }
        return {**found, **{name: kind for name, kind in self._contract.items() if name not in found}}

    def observe(self, record: Mapping[str, Any]) -> None:
        """Widen to hold a record of `json_values.load_record`. BadObject for keys that cannot be columns."""
        self._expectation = None
        new = [key for key in record if key not in self.names and bare_name(key)]
        if new:
            self._learn([*self.names, *new])
        for key, value in record.items():
            if key in self.names and self.names[key] not in self._contract:
                self._shapes[key].observe(value)

    def note(self, table: pa.Table) -> None:
        """Widen to hold what Arrow read, under the table's names; see `Shape.note`."""
        for key, name in self.names.items():
            if name not in self._contract and name in table.column_names:
                shape = self._shapes[key]
                before = shape.type()
                shape.note(one_array(table.column(name)))
                if shape.type() != before:
                    self._expectation = None

    def known(self) -> Expectation | None:
        """The expectation, unless it is being changed: what other threads ask for."""
        return self._expectation

    def expectation(self) -> Expectation:
        """What Arrow is to expect of the next rows."""
        if self._expectation is None:
            fields, texts, inexact = [], list[str](), False
            for key, name in self.names.items():
                declared = name in self._contract
                of = (
                    expected_type(self._contract[name], self._forms[name]) if declared else self._shapes[key].physical()
                )
                inexact = inexact or (not declared and has_double(of))
                if self._contract[name] is Primitive.STRING if declared else self._shapes[key].base is Base.TEXT:
                    texts.append(key)
                fields.append(pa.field(key, of))
            self._expectation = Expectation(pa.schema(fields), tuple(self.names.values()), inexact, tuple(texts))
        return self._expectation

    def as_text(self) -> tuple[pa.Schema, dict[str, Rewrite]]:
        """What Arrow is told where a contract's columns come as text, the others in their shape; and what makes so."""
        fields, parts = [], dict[str, Rewrite]()
        for key, name in self.names.items():
            declared = name in self._contract
            fields.append(pa.field(key, pa.string() if declared else self._shapes[key].physical()))
            rewrite = as_written(self._contract[name], self._forms[name]) if declared else self._shapes[key].rewrite()
            if rewrite:
                parts[key] = rewrite
        return pa.schema(fields), parts

    def _learn(self, keys: Sequence[str]) -> None:
        if len(keys) > self._limits.columns:
            raise BadObject(
                f"the records have more than {self._limits.columns} different keys",
                hint="Put data that stands in keys into values, or into a nested object.",
            )
        found = map_columns(keys, self._declared, self._settings)
        names = {key: name for key, name in zip(keys, found, strict=True) if name is not None}
        if any(names.get(key) != name for key, name in self.names.items()):
            raise BadObject(
                "a key that comes late is the one that a column is `from`, and another was taken for it",
                hint="Say `from` letter for letter, with the spaces that the key has.",
            )
        self.names = names
        text = self._settings.on_new_column == "rescue"
        self._shapes = {key: self._shapes.get(key) or Shape(self._limits, text=text) for key in names}
