"""Column types as Spark and Athena write them, parsed and printed. Pure; `arrow` maps them to Arrow."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

MAX_PRECISION = 38
"""Digits that a decimal can hold in Spark, Athena and Iceberg."""

MAX_DEPTH = 30
"""How deep types nest at most: readers recurse over types, and a definition is text from outside."""


class Primitive(StrEnum):
    """A type without parts. `timestamp` is an instant in microseconds; text without a zone is taken as UTC."""

    STRING = "string"
    INT = "int"
    BIGINT = "bigint"
    FLOAT = "float"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True)
class Decimal:
    """`precision` digits in all, `scale` of them after the point."""

    precision: int
    scale: int

    def __post_init__(self) -> None:
        if not 1 <= self.precision <= MAX_PRECISION:
            raise ValueError(f"decimal precision {self.precision} is not between 1 and {MAX_PRECISION}")
        if not 0 <= self.scale <= self.precision:
            raise ValueError(f"decimal scale {self.scale} is not between 0 and the precision {self.precision}")

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})"


@dataclass(frozen=True, slots=True)
class Array:
    """A list of `element`."""

    element: Type

    def __str__(self) -> str:
        return f"array<{self.element}>"


@dataclass(frozen=True, slots=True)
class Map:
    """Pairs; a key is never null and never nested."""

    key: Type
    value: Type

    def __post_init__(self) -> None:
        nested = isinstance(self.key, Array | Map | Struct)
        if nested:
            raise ValueError(f"a map key cannot be {self.key}")

    def __str__(self) -> str:
        return f"map<{self.key},{self.value}>"


@dataclass(frozen=True, slots=True)
class Field:
    """One part of a struct."""

    name: str
    type: Type

    def __str__(self) -> str:
        return f"{self.name}:{self.type}"


@dataclass(frozen=True, slots=True)
class Struct:
    """Named parts, at least one, in order."""

    fields: tuple[Field, ...]

    def __post_init__(self) -> None:
        names = [field.name for field in self.fields]
        if not names:
            raise ValueError("a struct needs at least one field")
        twice = sorted(name for name, times in Counter(names).items() if times > 1)
        if twice:
            raise ValueError(f"a struct names {', '.join(twice)} twice")

    def __str__(self) -> str:
        return f"struct<{','.join(map(str, self.fields))}>"


MAX_CHARACTERS = 10_000

Type = Primitive | Decimal | Array | Map | Struct

_WIDER = {(Primitive.BIGINT, Primitive.INT), (Primitive.DOUBLE, Primitive.FLOAT)}


def is_wider(wide: Type, narrow: Type) -> bool:
    """Whether Iceberg lets a column of the one type become the other: files stay as they are, and no value changes.

    Source: the table specification, "Schema Evolution".
    """
    match wide, narrow:
        case Decimal(), Decimal():
            return wide.scale == narrow.scale and wide.precision > narrow.precision
    return (wide, narrow) in _WIDER


_ALIASES = {
    "integer": Primitive.INT,
    "long": Primitive.BIGINT,
    "real": Primitive.FLOAT,
    "bool": Primitive.BOOLEAN,
    "varchar": Primitive.STRING,
}
_WORDS: dict[str, Primitive] = {**{primitive.value: primitive for primitive in Primitive}, **_ALIASES}
_TOKEN = re.compile(r"\s*([A-Za-z0-9_]+|[<>(),:])")
_KNOWN = ", ".join(Primitive) + ", decimal(p,s), array<…>, map<…,…>, struct<name:…>"


def parse_type(text: str) -> Type:
    """Read a type such as `array<struct<name:string,amount:decimal(12,2)>>`.

    Case and spaces do not matter; `str` of the answer is the canonical text, in lower case, field names too.
    ValueError says what is wrong and where.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"a column type has {len(text)} characters, of at most {MAX_CHARACTERS}")
    try:
        parser = _Parser(text)
        found = parser.type(0)
        parser.end()
    except ValueError as error:
        raise ValueError(f"{text!r} is not a column type: {error}") from None
    return found


class _Parser:
    """Recursive descent over the tokens of one type."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._next = 0

    def type(self, depth: int) -> Type:
        if depth > MAX_DEPTH:
            raise ValueError(f"it nests deeper than {MAX_DEPTH}")
        word = self._word("a type").lower()
        match word:
            case "decimal" | "numeric":
                return self._decimal()
            case "array":
                self._expect("<")
                element = self.type(depth + 1)
                self._expect(">")
                return Array(element)
            case "map":
                return self._map(depth)
            case "struct":
                return self._struct(depth)
        if word not in _WORDS:
            raise ValueError(f"{word!r} is unknown; known are {_KNOWN}")
        return _WORDS[word]

    def end(self) -> None:
        if self._next < len(self._tokens):
            raise ValueError(f"{self._tokens[self._next]!r} follows the end of the type")

    def _decimal(self) -> Decimal:
        if self._peek() != "(":
            raise ValueError("decimal needs precision and scale, such as decimal(12,2)")
        self._expect("(")
        precision = self._number()
        scale = 0
        if self._peek() == ",":
            self._expect(",")
            scale = self._number()
        self._expect(")")
        return Decimal(precision, scale)

    def _map(self, depth: int) -> Map:
        self._expect("<")
        key = self.type(depth + 1)
        self._expect(",")
        value = self.type(depth + 1)
        self._expect(">")
        return Map(key, value)

    def _struct(self, depth: int) -> Struct:
        self._expect("<")
        fields = [self._field(depth)]
        while self._peek() == ",":
            self._expect(",")
            fields.append(self._field(depth))
        self._expect(">")
        return Struct(tuple(fields))

    def _field(self, depth: int) -> Field:
        name = self._word("a field name").lower()
        self._expect(":")
        return Field(name, self.type(depth + 1))

    def _number(self) -> int:
        word = self._word("a number")
        if not word.isdecimal():
            raise ValueError(f"{word!r} is not a number")
        return int(word)

    def _word(self, what: str) -> str:
        token = self._peek()
        if token is None:
            raise ValueError(f"{what} is missing at the end")
        if not (token[0].isalnum() or token[0] == "_"):
            raise ValueError(f"{what} is missing before {token!r}")
        self._next += 1
        return token

    def _expect(self, token: str) -> None:
        found = self._peek()
        if found != token:
            raise ValueError(f"{token!r} is missing {f'before {found!r}' if found else 'at the end'}")
        self._next += 1

    def _peek(self) -> str | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None


def _tokens(text: str) -> Iterator[str]:
    position = 0
    text = text.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found:
            raise ValueError(f"character {text[position:].lstrip()[0]!r} cannot stand in a type")
        yield found[1]
        position = found.end()
