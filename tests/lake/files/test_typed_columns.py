"""Values of files that type their columns, under each type that a contract may declare: exactly as they are, or bad."""

from __future__ import annotations

import decimal
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal as Exact
from typing import Any

import pyarrow as pa
import pytest

from pipeline.lake.datasets.types import Decimal, Primitive
from pipeline.lake.files.typed_columns import fit
from pipeline.lake.files.typed_kinds import said

_WIDTHS = {8: (pa.int8(), pa.uint8()), 16: (pa.int16(), pa.uint16()), 32: (pa.int32(), pa.uint32())}
_INTEGERS: Mapping[pa.DataType, Sequence[Any]] = {
    **{signed: [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 0] for bits, (signed, _) in _WIDTHS.items()},
    **{unsigned: [2**bits - 1, 1] for bits, (_, unsigned) in _WIDTHS.items()},
    pa.int64(): [-(2**63), 2**63 - 1, 2**53 + 1, 2**24 + 1, 5],
    pa.uint64(): [2**64 - 1, 2**63, 2**63 - 1, 2**53 + 1, 5],
}


def _decimals(precision: int, scale: int) -> list[Exact]:
    most = Exact((0, (9,) * precision, -scale))
    return [most, most.copy_negate(), Exact(0), Exact((0, (1,), -scale))]


_DECIMALS: Mapping[pa.DataType, Sequence[Any]] = {
    **{pa.decimal128(*each): _decimals(*each) for each in [(1, 0), (5, 2), (18, 6), (38, 0), (38, 10), (38, 38)]},
    # What overflows 128 bits when it gets more digits behind the point, and becomes some other number.
    pa.decimal128(20, 0): [Exact(2**53 + 1), Exact(2**63), Exact(2**64 - 1)],
    pa.decimal256(60, 0): [Exact(2**190), Exact(7)],
    pa.decimal256(60, 5): [Exact("1.5"), Exact(10**40)],
}
_FLOATS: Mapping[pa.DataType, Sequence[Any]] = {
    pa.float32(): [0.0, 1.5, 2.0**24, 3.4e38, math.nan, math.inf],
    pa.float64(): [0.0, -1.0, 1.5, 0.1, 2.0**53, 2.0**63, -(2.0**63), 1e20, 1e308, 5e-324, math.nan, -math.inf],
}
_COLUMNS = {**_INTEGERS, **_DECIMALS, **_FLOATS}
_EXACT_TYPES = (
    *(Primitive.INT, Primitive.BIGINT),
    *(Decimal(1, 0), Decimal(5, 0), Decimal(10, 2), Decimal(20, 0), Decimal(38, 0), Decimal(38, 37), Decimal(38, 38)),
)


def _are_equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, Exact):
        return float(other) == one
    return Exact(one) == Exact(other)


@pytest.mark.parametrize("to", _EXACT_TYPES, ids=str)
@pytest.mark.parametrize("of", _COLUMNS, ids=str)
def test_a_number_is_the_same_under_another_type_or_bad(of: pa.DataType, to: Decimal | Primitive) -> None:
    for column in (pa.array([*_COLUMNS[of], None], of), *(pa.array([value], of) for value in _COLUMNS[of])):
        found, bad = fit(column, to)
        with decimal.localcontext(prec=100):
            for row, value in enumerate(column.to_pylist()):
                kept = found[row].as_py()
                assert kept is None if row in bad or value is None else _are_equal(value, kept), (value, kept)


@pytest.mark.parametrize("of", _INTEGERS, ids=str)
def test_an_integer_that_a_double_does_not_hold_is_bad_in_it(of: pa.DataType) -> None:
    found, bad = fit(pa.array(_INTEGERS[of], of), Primitive.DOUBLE)
    for row, value in enumerate(_INTEGERS[of]):
        assert (row in bad) == (int(float(value)) != value)
        assert row in bad or found[row].as_py() == value


def test_a_type_that_no_column_holds_is_said_in_words() -> None:
    assert said(pa.month_day_nano_interval()) == "an interval of months and days"
    assert said(pa.dense_union([pa.field("a name", pa.int8())])) == "one of several types"
