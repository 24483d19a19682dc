"""Type strings: parsed, printed, and mapped to Arrow and back."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lake.datasets.arrow import arrow_schema, arrow_type, type_of
from pipeline.lake.datasets.types import Array, Decimal, Field, Map, Primitive, Struct, Type, parse_type

leaves = st.sampled_from(list(Primitive)) | st.integers(1, 38).flatmap(
    lambda precision: st.builds(Decimal, st.just(precision), st.integers(0, precision))
)
names = st.from_regex(r"[a-z0-9_]{1,6}", fullmatch=True)


def _nested(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    fields = st.lists(st.builds(Field, names, inner), min_size=1, max_size=3, unique_by=lambda field: field.name)
    return st.builds(Array, inner) | st.builds(Map, leaves, inner) | fields.map(lambda found: Struct(tuple(found)))


types = st.recursive(leaves, _nested, max_leaves=6)


@given(types)
def test_printing_and_parsing_are_inverse(of: Type) -> None:
    assert parse_type(str(of)) == of


@given(types)
def test_arrow_and_back_is_the_same_type(of: Type) -> None:
    assert type_of(arrow_type(of)) == of


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("LONG", "bigint"),
        (" Decimal( 12 , 2 ) ", "decimal(12,2)"),
        ("decimal(5)", "decimal(5,0)"),
        ("map<string, array<struct<A: int>>>", "map<string,array<struct<a:int>>>"),
    ],
)
def test_case_spaces_and_aliases_do_not_matter(text: str, canonical: str) -> None:
    assert str(parse_type(text)) == canonical


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a type is missing at the end"),
        ("strin", "'strin' is unknown"),
        ("array<int", "'>' is missing at the end"),
        ("array<>", "a type is missing before '>'"),
        ("int>", "'>' follows the end"),
        ("decimal", "needs precision and scale"),
        ("decimal(39,0)", "precision 39"),
        ("decimal(5,6)", "scale 6"),
        ("decimal(a,1)", "'a' is not a number"),
        ("struct<>", "a field name is missing"),
        ("struct<a:int,A:int>", "names a twice"),
        ("map<array<int>,int>", "a map key cannot be array<int>"),
        ("int;", "character ';'"),
        ("array<" * 50 + "int" + ">" * 50, "nests deeper"),
    ],
)
def test_what_is_no_type_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match="is not a column type: ") as caught:
        parse_type(text)
    assert reason in str(caught.value)


def test_arrows_other_layouts_widen_without_loss() -> None:
    assert type_of(pa.large_list(pa.large_string())) == Array(Primitive.STRING)
    assert type_of(pa.dictionary(pa.int8(), pa.string())) == Primitive.STRING
    assert (type_of(pa.uint16()), type_of(pa.uint32()), type_of(pa.null())) == (
        Primitive.INT,
        Primitive.BIGINT,
        Primitive.STRING,
    )


@pytest.mark.parametrize("of", [pa.timestamp("ns"), pa.uint64(), pa.duration("s"), pa.binary()])
def test_what_spark_cannot_hold_is_refused(of: pa.DataType) -> None:
    with pytest.raises(ValueError, match="has no column type"):
        type_of(of)


def test_a_schema_keeps_the_order_of_its_columns() -> None:
    assert arrow_schema({"b": "int", "a": "timestamp"}) == pa.schema(
        [("b", pa.int32()), ("a", pa.timestamp("us", tz="UTC"))]
    )
