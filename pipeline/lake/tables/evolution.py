"""How a table's columns may change: more of them, and wider types. Pure; types as in `datasets.types`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.lake.datasets.types import Array, Decimal, Field, Map, Primitive, Struct, Type, is_wider

Columns = Mapping[str, Type]

ELEMENT, VALUE = "element", "value"
"""What Spark and Iceberg call the part of an array and of a map in the path of a nested column."""

_WIDER = {
    (Primitive.INT, Primitive.BIGINT): Primitive.BIGINT,
    (Primitive.INT, Primitive.DOUBLE): Primitive.DOUBLE,
    (Primitive.BIGINT, Primitive.DOUBLE): Primitive.DOUBLE,
    (Primitive.FLOAT, Primitive.DOUBLE): Primitive.DOUBLE,
}


@dataclass(frozen=True, slots=True)
class Addition:
    """A column, or a field somewhere inside one, that a table lacks."""

    path: tuple[str, ...]
    type: Type

    def __str__(self) -> str:
        return f"{'.'.join(self.path)} {self.type}"


@dataclass(frozen=True, slots=True)
class Widening:
    """A column, or a part somewhere inside one, whose values all fit the type that it is to have."""

    path: tuple[str, ...]
    have: Type
    type: Type

    def __str__(self) -> str:
        return f"{'.'.join(self.path)} {self.have} → {self.type}"


def additions(have: Columns, wanted: Columns) -> list[Addition]:
    """What to add to `have` so that every name in `wanted` has a place, in the order of `wanted`."""
    return list(_missing(have, wanted, ()))


def _missing(have: Columns, wanted: Columns, path: tuple[str, ...]) -> Iterator[Addition]:
    for name, kind in wanted.items():
        if name in have:
            yield from _inside(have[name], kind, (*path, name))
        else:
            yield Addition((*path, name), kind)


def _inside(have: Type, wanted: Type, path: tuple[str, ...]) -> Iterator[Addition]:
    match have, wanted:
        case Struct(), Struct():
            yield from _missing(_fields(have), _fields(wanted), path)
        case Array(), Array():
            yield from _inside(have.element, wanted.element, (*path, ELEMENT))
        case Map(), Map():
            yield from _inside(have.value, wanted.value, (*path, VALUE))


def conflicts(have: Columns, wanted: Columns) -> list[str]:
    """Where `wanted` says a type that `have` cannot become, in words; what is only in one of them is no conflict."""
    return [
        f"{'.'.join(path)} is {one} in the table and {other} in the definition"
        for path, one, other in _differences(have, wanted)
        if not is_wider(other, one)
    ]


def widenings(have: Columns, wanted: Columns) -> list[Widening]:
    """What of `have` is to get a wider type, in the order of `wanted`."""
    return [Widening(path, one, other) for path, one, other in _differences(have, wanted) if is_wider(other, one)]


def _differences(have: Columns, wanted: Columns) -> Iterator[tuple[tuple[str, ...], Type, Type]]:
    for name in wanted:
        if name in have:
            yield from _different(have[name], wanted[name], (name,))


def _different(have: Type, wanted: Type, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Type, Type]]:
    match have, wanted:
        case Struct(), Struct():
            for where, one, other in _differences(_fields(have), _fields(wanted)):
                yield (*path, *where), one, other
        case Array(), Array():
            yield from _different(have.element, wanted.element, (*path, ELEMENT))
        case Map(), Map() if have.key == wanted.key:
            yield from _different(have.value, wanted.value, (*path, VALUE))
        case _ if have != wanted:
            yield path, have, wanted


def common(one: Type, other: Type) -> Type:
    """The type for a new column that two files bring with different types: what holds both, or else string."""
    match one, other:
        case _ if one == other:
            return one
        case Struct(), Struct():
            parts, others = _fields(one), _fields(other)
            merged = {**parts, **{n: common(parts[n], t) if n in parts else t for n, t in others.items()}}
            return Struct(tuple(Field(name, kind) for name, kind in merged.items()))
        case Array(), Array():
            return Array(common(one.element, other.element))
        case Map(), Map() if one.key == other.key:
            return Map(one.key, common(one.value, other.value))
        case Decimal(), Decimal():
            return _wider_decimal(one, other)
        case Primitive(), Primitive():
            return _WIDER.get((one, other)) or _WIDER.get((other, one)) or Primitive.STRING
    return Primitive.STRING


def _wider_decimal(one: Decimal, other: Decimal) -> Type:
    scale = max(one.scale, other.scale)
    whole = max(one.precision - one.scale, other.precision - other.scale)
    return Decimal(whole + scale, scale) if whole + scale <= 38 else Primitive.STRING


def _fields(of: Struct) -> dict[str, Type]:
    return {field.name: field.type for field in of.fields}
