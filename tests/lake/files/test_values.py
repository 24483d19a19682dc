"""What text means in a type, and that whole columns say the same as single values."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal as Number

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lake.datasets.arrow import arrow_type
from pipeline.lake.datasets.types import parse_type
from pipeline.lake.files.casts import Mismatch, cast_column, cast_text
from pipeline.lake.files.values import read_text

GOOD = [
    ("int", " +5\t", 5),
    ("int", "0", 0),
    ("int", "-0", 0),
    ("decimal(5,2)", "007.5", Number("7.50")),
    ("int", "-2147483648", -(2**31)),
    ("bigint", "9223372036854775807", 2**63 - 1),
    ("double", "1.5", 1.5),
    ("double", ".5", 0.5),
    ("double", "1E5", 100000.0),
    ("double", "9007199254740992", 2.0**53),
    ("float", "0.5", 0.5),
    ("boolean", "TRUE", True),
    ("boolean", "false", False),
    ("date", "2020-02-29", date(2020, 2, 29)),
    ("date", "0001-01-01", date(1, 1, 1)),
    ("timestamp", "2020-01-01", datetime(2020, 1, 1, tzinfo=UTC)),
    ("timestamp", "2020-01-01T10:00:00.123456", datetime(2020, 1, 1, 10, 0, 0, 123456, UTC)),
    ("timestamp", "2020-01-01 10:00:00+01:00", datetime(2020, 1, 1, 9, tzinfo=UTC)),
    ("timestamp", "2020-01-01T10:00:00.123456000Z", datetime(2020, 1, 1, 10, 0, 0, 123456, UTC)),
    ("timestamp", "1900-01-01T00:00:00-0530", datetime(1900, 1, 1, 5, 30, tzinfo=UTC)),
    ("decimal(5,2)", "123.45", Number("123.45")),
    ("decimal(5,2)", "1.500", Number("1.50")),
    ("decimal(5,2)", "1.5e1", Number("15.00")),
    ("decimal(38,0)", "9" * 38, Number("9" * 38)),
    ("decimal(38,10)", "-0.0000000001", Number("-1e-10")),
    ("array<map<string,int>>", '[{"a": 1}, null]', [[("a", 1)], None]),
]
BAD = [
    ("int", "1.5"),
    ("int", "2147483648"),
    ("int", "0x1F"),
    ("int", "1_000"),
    ("int", "१२"),
    ("int", "0042"),
    ("int", "-01"),
    ("bigint", "9223372036854775808"),
    ("double", "9007199254740993"),
    ("double", "1e400"),
    ("double", "1,5"),
    ("double", "1_0.0"),
    ("double", "nan(1)"),
    ("double", "NaN"),
    ("double", "-Infinity"),
    ("float", "inf"),
    ("float", "16777217"),
    ("float", "1e39"),
    ("boolean", "1"),
    ("boolean", "yes"),
    ("date", "2020-02-30"),
    ("date", "2020-1-1"),
    ("date", "0000-01-01"),
    ("date", "2020-01-01T00:00:00"),
    ("timestamp", "2020-01-01T10:00:00.1234567"),
    ("timestamp", "2020-01-01T24:00:00"),
    ("timestamp", "2020-01-01T23:59:60"),
    ("timestamp", "2020-01-01T10:00:00+25:00"),
    ("timestamp", "0001-01-01T00:00:00+01:00"),
    ("timestamp", "9999-12-31T23:59:59-01:00"),
    ("decimal(5,2)", "1.555"),
    ("decimal(5,2)", "1234.5"),
    ("decimal(5,2)", "1e999999999"),
    # Overflows in Arrow's own cast to other numbers.
    ("decimal(38,10)", "886990516144859843528436867923968"),
    ("decimal(38,0)", "8924336959978480502770066e26"),
    ("decimal(5,2)", "340282366920938463463374607431768211457"),
    ("decimal(5,2)", "NaN"),
    ("array<int>", "[1.5]"),
    ("array<int>", '{"a": 1}'),
    ("map<int,int>", '{"1": 1, "01": 2}'),
    ("struct<a:int>", '{"b": 1}'),
    ("struct<a:int>", '{"a": 1, "a": 2}'),
]


@pytest.mark.parametrize(("kind", "text", "value"), GOOD)
def test_a_text_has_the_value_that_it_says(kind: str, text: str, value: object) -> None:
    column, bad = cast_text(pa.array([text, None]), parse_type(kind))
    assert not bad
    assert column.to_pylist() == [value, None]
    assert read_text(text, parse_type(kind)) == value


@pytest.mark.parametrize(("kind", "text"), BAD)
def test_a_text_without_a_value_is_bad_and_its_neighbours_are_not(kind: str, text: str) -> None:
    good = (
        next(text for other, text, _ in GOOD if other.split("<")[0] == kind.split("<")[0]) if "<" not in kind else None
    )
    column, bad = cast_text(pa.array([good, text, good]), parse_type(kind))
    assert list(bad) == [1]
    assert column[1].as_py() is None
    assert column[0] == column[2]


@pytest.mark.parametrize(
    "kind", ["int", "bigint", "double", "date", "timestamp", "boolean", "decimal(5,2)", "array<int>"]
)
@pytest.mark.parametrize("text", ["", " ", "\u00a0"])
def test_nothing_is_null_where_it_could_be_no_text(kind: str, text: str) -> None:
    column, bad = cast_text(pa.array([text, "x"]), parse_type(kind))
    assert column[0].as_py() is None
    assert list(bad) == [1]
    assert read_text(text, parse_type("string")) == text


KINDS = ["int", "bigint", "double", "float", "boolean", "date", "timestamp", "decimal(5,2)", "decimal(38,10)", "string"]
numbers = st.from_regex(r"[ ]?[+-]?[0-9]{0,20}(\.[0-9]{0,8})?([eE][+-]?[0-9]{1,3})?[ ]?", fullmatch=True)
times = st.from_regex(
    r"[0-9]{4}-[01][0-9]-[0-3][0-9]"
    r"([ T][0-2][0-9](:?[0-5][0-9](:?[0-6][0-9](\.[0-9]{1,8})?)?)?(Z|z|[+-][0-9]{2}(:?[0-9]{2})?)?)?",
    fullmatch=True,
)
words = st.sampled_from(["true", "FALSE", "nan", "-inf", "Infinity", "0x10", "", "NULL", "1_0"])
texts = (
    numbers | times | words | st.integers().map(str) | st.floats().map(repr) | st.dates().map(str) | st.text(max_size=4)
)


@given(st.sampled_from(KINDS), st.lists(texts, min_size=1, max_size=3))
def test_a_whole_column_is_converted_as_its_values_are(kind: str, values: list[str]) -> None:
    to = parse_type(kind)
    try:
        fast = cast_column(pa.array(values), to)
    except Mismatch:
        return
    slow = pa.array([read_text(value, to) for value in values], arrow_type(to))
    assert fast.equals(slow)
