"""What may be added to a table's columns, and what holds two types."""

from __future__ import annotations

import pytest

from pipeline.lake.datasets.types import Type, parse_type
from pipeline.lake.tables.evolution import additions, common, conflicts, widenings
from pipeline.lake.tables.names import branch_name, branch_prefix, split_table


def columns(**types: str) -> dict[str, Type]:
    return {name: parse_type(text) for name, text in types.items()}


def test_additions_are_named_by_their_path_in_the_order_in_which_they_are_wanted() -> None:
    have = columns(a="struct<x:int,l:array<struct<y:int>>>", m="map<string,struct<z:int>>")
    wanted = columns(n="int", m="map<string,struct<q:int,z:int>>", a="struct<l:array<struct<w:date,y:int>>,v:int>")
    assert list(map(str, additions(have, wanted))) == [
        "n int",
        "m.value.q int",
        "a.l.element.w date",
        "a.v int",
    ]


def test_a_column_of_another_type_is_a_conflict_and_not_an_addition() -> None:
    have, wanted = columns(a="bigint", b="struct<x:int>"), columns(a="int", b="array<int>")
    assert additions(have, wanted) == []
    assert widenings(have, wanted) == []
    assert len(conflicts(have, wanted)) == 2


def test_widenings_are_those_of_iceberg_at_any_depth() -> None:
    have = columns(a="int", b="float", c="decimal(5,2)", s="struct<l:array<struct<y:int>>>", m="map<string,float>")
    wanted = columns(
        m="map<string,double>", s="struct<l:array<struct<y:bigint>>>", c="decimal(9,2)", b="double", a="bigint"
    )
    assert list(map(str, widenings(have, wanted))) == [
        "m.value float → double",
        "s.l.element.y int → bigint",
        "c decimal(5,2) → decimal(9,2)",
        "b float → double",
        "a int → bigint",
    ]
    assert conflicts(have, wanted) == []


@pytest.mark.parametrize(
    ("have", "wanted"),
    [
        ("bigint", "int"),
        ("double", "float"),
        ("int", "double"),
        ("bigint", "double"),
        ("int", "string"),
        ("date", "timestamp"),
        ("int", "decimal(12,0)"),
        ("decimal(5,2)", "decimal(9,3)"),
        ("decimal(9,2)", "decimal(5,2)"),
        ("map<int,string>", "map<bigint,string>"),
    ],
)
def test_what_iceberg_does_not_widen_is_a_conflict(have: str, wanted: str) -> None:
    assert len(conflicts(columns(a=have), columns(a=wanted))) == 1
    assert widenings(columns(a=have), columns(a=wanted)) == []


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("int", "bigint", "bigint"),
        ("bigint", "double", "double"),
        ("int", "boolean", "string"),
        ("decimal(5,2)", "decimal(6,4)", "decimal(7,4)"),
        ("decimal(38,0)", "decimal(38,38)", "string"),
        ("array<int>", "array<double>", "array<double>"),
        ("struct<a:int,b:int>", "struct<b:string,c:date>", "struct<a:int,b:string,c:date>"),
        ("map<string,int>", "map<string,bigint>", "map<string,bigint>"),
        ("map<string,int>", "struct<a:int>", "string"),
    ],
)
def test_two_types_have_one_that_holds_both(one: str, other: str, both: str) -> None:
    assert str(common(parse_type(one), parse_type(other))) == both
    assert set(str(common(parse_type(other), parse_type(one)))) == set(both)


def test_a_branch_belongs_to_its_batch_and_to_no_other() -> None:
    assert branch_name("01J", "jr_1").startswith(branch_prefix("01J"))
    assert not branch_name("01JX", "jr_1").startswith(branch_prefix("01J"))


@pytest.mark.parametrize("text", ["table", ".table", "a.b.c", "database."])
def test_a_table_is_named_by_database_and_table(text: str) -> None:
    assert split_table("database.table") == ("database", "table")
    with pytest.raises(ValueError, match="not of the form"):
        split_table(text)
