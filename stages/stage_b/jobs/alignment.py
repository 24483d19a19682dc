"""SQL that brings a staged column to the type of the table's column, and says for which values that loses nothing.

Pure: types in, SQL text out. A value is accepted if the table's value equals it; it is never rounded, cut off or
turned into NULL. Anything fits a string column, as its canonical text.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.lake.datasets.types import Array, Decimal, Map, Primitive, Struct, Type

_INTEGERS = (Primitive.INT, Primitive.BIGINT)
_FLOATS = (Primitive.FLOAT, Primitive.DOUBLE)
_ALWAYS_FIT = {
    (Primitive.INT, Primitive.BIGINT),
    (Primitive.INT, Primitive.DOUBLE),
    (Primitive.FLOAT, Primitive.DOUBLE),
}
_LONGEST = "9223372036854775807"
_JSON_NUMBER = r"^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?$"
EXACT_DIGITS, EXACT_DIGITS_OF_FLOAT = 15, 6
"""Decimal digits that every double, and every float, keeps."""


@dataclass(frozen=True, slots=True)
class Cast:
    """`value` is the SQL of the table's value; `fits` a condition that is never NULL, or None if every value fits."""

    value: str
    fits: str | None = None


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever is in it."""
    return f"`{name.replace('`', '``')}`"


def type_sql(of: Type) -> str:
    """The type as Spark's DDL has it."""
    match of:
        case Array(element):
            return f"array<{type_sql(element)}>"
        case Map(key, value):
            return f"map<{type_sql(key)},{type_sql(value)}>"
        case Struct(fields):
            return f"struct<{','.join(f'{quoted(f.name)}:{type_sql(f.type)}' for f in fields)}>"
    return str(of)


def cast(expression: str, have: Type, want: Type, names: Iterator[int] | None = None) -> Cast:
    """Bring `expression`, of type `have`, to `want`. NULL always fits. `names` numbers lambda variables."""
    names = names or itertools.count()
    match have, want:
        case _ if have == want:
            return Cast(expression)
        case _, Primitive.STRING:
            return Cast(_text(expression, have))
        case Array(), Array():
            return _cast_array(expression, have, want, names)
        case Map(), Map():
            return _cast_map(expression, have, want, names)
        case Struct(), Struct():
            return _cast_struct(expression, have, want, names)
        case ((Primitive() | Decimal()), (Primitive() | Decimal())):
            return _cast_scalar(expression, have, want)
    return _nothing_fits(expression, want)


def _nothing_fits(expression: str, want: Type) -> Cast:
    return Cast(f"cast(null as {type_sql(want)})", f"({expression} is null)")


def _text(expression: str, have: Type) -> str:
    """The canonical text of a value."""
    match have:
        case Primitive.TIMESTAMP:
            return f"date_format({expression}, \"yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'\")"
        case Array() | Map() | Struct():
            return f"to_json({expression}, map('ignoreNullFields', 'false'))"
    return f"cast({expression} as string)"


def _cast_scalar(expression: str, have: Type, want: Type) -> Cast:
    value = f"try_cast({expression} as {want})"
    if (have, want) in _ALWAYS_FIT:
        return Cast(f"cast({expression} as {want})")
    if have == Primitive.STRING:
        return Cast(value, f"({expression} is null or coalesce({_text_fits(expression, value, want)}, false))")
    if not (_is_number(have) and _is_number(want)):
        return _nothing_fits(expression, want)
    # There and back again: what comes back equal has lost nothing.
    fits = f"try_cast({value} as {have}) = {expression}"
    if have == Primitive.BIGINT and want in _FLOATS:
        # The largest is rounded up on its way there, and cut down to itself on its way back.
        fits = f"({fits} and {expression} <> {_LONGEST})"
    return Cast(value, f"({expression} is null or coalesce({fits}, false))")


def _is_number(of: Type) -> bool:
    return isinstance(of, Decimal) or of in _INTEGERS or of in _FLOATS


def _text_fits(expression: str, value: str, want: Type) -> str:
    """Text fits another type if it is how that type's value is written: `12` is a number, `012` is not."""
    if isinstance(want, Decimal):
        fraction = f"([.][0-9]{{0,{want.scale}}}0*)?"
        return f"{expression} rlike '^-?(0|[1-9][0-9]*){fraction}$' and {value} is not null"
    if want in _FLOATS:
        longest = EXACT_DIGITS if want == Primitive.DOUBLE else EXACT_DIGITS_OF_FLOAT
        digits = f"length(regexp_replace(regexp_replace({expression}, '[eE].*', ''), '^-?0?[.]?0*|[.-]', ''))"
        exact = f"({digits} <= {longest} or cast({value} as string) = {expression})"
        return f"{expression} rlike '{_JSON_NUMBER}' and abs({value}) < double('Infinity') and {exact}"
    return f"{_text(value, want)} = {expression}"


def _cast_array(expression: str, have: Array, want: Array, names: Iterator[int]) -> Cast:
    item = f"x{next(names)}"
    inner = cast(item, have.element, want.element, names)
    fits = inner.fits and f"({expression} is null or forall({expression}, {item} -> {inner.fits}))"
    return Cast(f"transform({expression}, {item} -> {inner.value})", fits)


def _cast_map(expression: str, have: Map, want: Map, names: Iterator[int]) -> Cast:
    key, item = f"k{next(names)}", f"x{next(names)}"
    keys, values = cast(key, have.key, want.key, names), cast(item, have.value, want.value, names)
    if keys.fits:
        # Two keys could become one.
        return _nothing_fits(expression, want)
    value = f"transform_values({expression}, ({key}, {item}) -> {values.value})"
    if have.key != want.key:
        value = f"transform_keys({value}, ({key}, {item}) -> {keys.value})"
    fits = values.fits and f"({expression} is null or forall(map_values({expression}), {item} -> {values.fits}))"
    return Cast(value, fits)


def _cast_struct(expression: str, have: Struct, want: Struct, names: Iterator[int]) -> Cast:
    types = {field.name: field.type for field in have.fields}
    parts, conditions = [], []
    for field in want.fields:
        inner = Cast(f"cast(null as {type_sql(field.type)})")
        if field.name in types:
            inner = cast(f"{expression}.{quoted(field.name)}", types[field.name], field.type, names)
        parts.append(f"'{field.name}', {inner.value}")
        conditions += [inner.fits] if inner.fits else []
    value = f"if({expression} is null, null, named_struct({', '.join(parts)}))"
    return Cast(value, f"({' and '.join(conditions)})" if conditions else None)
