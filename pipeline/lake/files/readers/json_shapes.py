"""What a JSON column has held so far, and the type that holds all of it.

A shape only widens, in an order that does not matter: the same values give the same type wherever blocks were cut.
Integers and fractions together are doubles if a double holds every one of the integers, else text. Any other conflict,
integers beyond 64 bits, decimals that a double would round, empty objects and what nests too deep or has too many
fields is JSON text: strings as they are, other values as they were written.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.lake.datasets.names import safe_name
from pipeline.lake.datasets.types import Array, Field, Map, Primitive, Struct, Type
from pipeline.lake.files.forms import Form
from pipeline.lake.files.limits import Limits
from pipeline.lake.files.strict_json import JsonNumber
from pipeline.lake.files.values import written

Rewrite = Callable[[msgspec.Raw], msgspec.Raw]
"""Makes the JSON of a value fit the Arrow type of its shape."""

_EXACT = 2**53
NUMERALS = [bytes([first]) for first in b"-0123456789"]
"""How a number begins."""


class Base(Enum):
    """The kinds of shape. TEXT takes every value, NULL has seen none."""

    NULL = auto()
    BOOL = auto()
    INT = auto()
    DOUBLE = auto()
    STRING = auto()
    STRUCT = auto()
    LIST = auto()
    TEXT = auto()


_BASES: dict[type, Base] = {
    bool: Base.BOOL,
    int: Base.INT,
    float: Base.DOUBLE,
    str: Base.STRING,
    dict: Base.STRUCT,
    list: Base.LIST,
    JsonNumber: Base.TEXT,
}
_SIMPLE = frozenset({Base.BOOL, Base.DOUBLE, Base.STRING})
"""Another value of these changes nothing."""

_PRIMITIVES = {
    Base.BOOL: (pa.bool_(), Primitive.BOOLEAN),
    Base.INT: (pa.int64(), Primitive.BIGINT),
    Base.DOUBLE: (pa.float64(), Primitive.DOUBLE),
    Base.STRING: (pa.string(), Primitive.STRING),
    Base.TEXT: (pa.string(), Primitive.STRING),
    # Not Arrow's null, whose lists its JSON reader makes of the wrong length. This takes null and {}; `note` sees {}.
    Base.NULL: (pa.struct([]), Primitive.STRING),
}


class Shape:
    """Mutable: one thread observes, others use the Arrow types made of it."""

    __slots__ = ("_depth", "_inexact", "_limits", "base", "element", "fields")

    def __init__(self, limits: Limits, depth: int = 0, *, text: bool = False) -> None:
        self._limits = limits
        self._depth = depth
        self._inexact = False
        self.base = Base.TEXT if text else Base.NULL
        self.fields: dict[str, Shape] = {}
        self.element: Shape | None = None

    def observe(self, value: Any) -> None:
        """Widen to hold a value of `json_values.load_record`."""
        if value is None or self.base is Base.TEXT:
            return None
        base = _BASES[type(value)]
        if base is Base.TEXT:
            return self._become_text()
        if base is self.base and base in _SIMPLE:
            return None
        if base is Base.INT:
            if not -(2**63) <= value < 2**63:
                return self._become_text()
            self._inexact = self._inexact or int(float(value)) != value
        self._widen(base)
        if self.base is Base.STRUCT:
            self._observe_fields(value)
        elif self.base is Base.LIST:
            self._observe_items(value)
        return None

    def note(self, column: pa.Array) -> None:
        """Widen to hold a column that Arrow read, maybe when the shape was narrower.

        Arrow took its values for what the shape was then, so that only integers and empty objects can be news.
        """
        if pa.types.is_integer(column.type):
            self._inexact = self._inexact or _some_inexact(column)
            if self._inexact and self.base is Base.DOUBLE:
                self._become_text()
        elif pa.types.is_struct(column.type):
            if self.base is not Base.STRUCT and column.null_count < len(column):
                self.observe({})
            for index, part in enumerate(column.type):
                if self.base is Base.STRUCT:
                    self.fields[part.name].note(column.field(index))
        elif pa.types.is_list(column.type) and self.element:
            self.element.note(column.values)

    def physical(self) -> pa.DataType:
        """What Arrow's JSON reader is told to expect, with the file's own names."""
        if self.base is Base.STRUCT:
            return pa.struct([pa.field(name, shape.physical()) for name, shape in self.fields.items()])
        if self.base is Base.LIST:
            assert self.element
            return pa.list_(self.element.physical())
        return _PRIMITIVES[self.base][0]

    def type(self) -> Type:
        """The type of the column that holds every value seen."""
        if self.base is Base.STRUCT and self.fields:
            return Struct(tuple(Field(safe_name(name), shape.type()) for name, shape in self.fields.items()))
        if self.base is Base.LIST:
            assert self.element
            return Array(self.element.type())
        return Primitive.STRING if self.base is Base.STRUCT else _PRIMITIVES[self.base][1]

    def rewrite(self) -> Rewrite | None:
        """How a value's JSON must be changed first, or None if Arrow reads every value as it is."""
        if self.base is Base.TEXT:
            return to_text
        if self.base is Base.LIST and self.element and (rewrite := self.element.rewrite()):
            return _rewrite_items(rewrite)
        if self.base is Base.STRUCT:
            parts = {name: rewrite for name, shape in self.fields.items() if (rewrite := shape.rewrite())}
            return rewrite_fields(parts) if parts else None
        return None

    def _widen(self, base: Base) -> None:
        if self.base in (Base.NULL, base):
            self.base = base
        elif {self.base, base} == {Base.INT, Base.DOUBLE}:
            self.base = Base.DOUBLE
        else:
            return self._become_text()
        too_deep = self.base in (Base.STRUCT, Base.LIST) and self._depth >= self._limits.depth
        if too_deep or (self.base is Base.DOUBLE and self._inexact):
            self._become_text()
        return None

    def _become_text(self) -> None:
        self.base = Base.TEXT
        self.fields = {}
        self.element = None

    def _observe_fields(self, value: dict[str, Any]) -> None:
        new = value.keys() - self.fields.keys()
        if new:
            names = [safe_name(name) for name in (*self.fields, *new)]
            if len(names) > self._limits.columns or len(set(names)) < len(names) or not all(names):
                return self._become_text()
        for name, item in value.items():
            shape = self.fields.get(name)
            if shape is None:
                shape = self.fields[name] = Shape(self._limits, self._depth + 1)
            shape.observe(item)
        return None

    def _observe_items(self, value: list[Any]) -> None:
        if self.element is None:
            self.element = Shape(self._limits, self._depth + 1)
        for item in value:
            self.element.observe(item)


def _some_inexact(column: pa.Array) -> bool:
    extremes = pc.min_max(column)
    low, high = extremes["min"].as_py(), extremes["max"].as_py()
    if low is None or -_EXACT <= low <= high <= _EXACT:
        return False
    large = column.filter(pc.or_(pc.greater(column, _EXACT), pc.less(column, -_EXACT)))
    return any(int(float(value)) != value for value in large.to_pylist())


def to_text(value: msgspec.Raw) -> msgspec.Raw:
    """A JSON string of the value's JSON, strings and null as they are."""
    raw = bytes(value)
    return value if raw[:1] == b'"' or raw == b"null" else msgspec.Raw(msgspec.json.encode(raw.decode()))


def as_written(of: Type, form: Form) -> Rewrite:
    """`to_text` for a column of that type, with JSON's own numbers and truth values as `form` writes them.

    Within lists and objects `values.read_value` knows which they are.
    """
    if of is Primitive.STRING or isinstance(of, (Array, Map, Struct)):
        return to_text
    words = {b"true": min(form.true_values, default="true"), b"false": min(form.false_values, default="false")}

    def rewrite(value: msgspec.Raw) -> msgspec.Raw:
        raw = bytes(value)
        if raw in words:
            return msgspec.Raw(msgspec.json.encode(words[raw]))
        if raw[:1] in NUMERALS:
            return msgspec.Raw(msgspec.json.encode(written(raw.decode(), form)))
        return to_text(value)

    return rewrite


def rewrite_fields(parts: dict[str, Rewrite]) -> Rewrite:
    """Rewrite those fields of an object."""
    decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])

    def rewrite(value: msgspec.Raw) -> msgspec.Raw:
        raw = bytes(value)
        if raw[:1] != b"{":
            return value
        found = decoder.decode(raw)
        for name, part in parts.items():
            if name in found:
                found[name] = part(found[name])
        return msgspec.Raw(msgspec.json.encode(found))

    return rewrite


def _rewrite_items(part: Rewrite) -> Rewrite:
    decoder = msgspec.json.Decoder(list[msgspec.Raw])

    def rewrite(value: msgspec.Raw) -> msgspec.Raw:
        raw = bytes(value)
        return (
            value if raw[:1] != b"[" else msgspec.Raw(msgspec.json.encode([part(item) for item in decoder.decode(raw)]))
        )

    return rewrite
