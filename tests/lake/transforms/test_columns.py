"""Whether what a transform gives is what its table has."""

from __future__ import annotations

import pytest

from pipeline.lake.datasets.types import Type, parse_type
from pipeline.lake.transforms.code import Code, TransformFailed
from pipeline.lake.transforms.columns import agreed_columns


def types(**columns: str) -> dict[str, Type]:
    return {name: parse_type(kind) for name, kind in columns.items()}


def agree(
    made: dict[str, Type], table: dict[str, Type], declared: dict[str, Type] | None = None, *, first: bool
) -> None:
    agreed_columns(Code("sql", "s.sql", "", columns=declared or {}), list(made.items()), table, first)


def test_before_the_first_batch_columns_may_come_and_after_it_they_are_the_tables() -> None:
    agree(types(a="int", b="string"), types(a="int"), first=True)
    agree(types(a="int", b="string"), types(a="bigint", b="string"), first=False)
    with pytest.raises(TransformFailed, match=r"gives b, which the table does not have"):
        agree(types(a="int", b="string"), types(a="int"), first=False)
    with pytest.raises(TransformFailed, match=r"does not give b, which the table has"):
        agree(types(a="int"), types(a="int", b="string"), first=False)
    with pytest.raises(TransformFailed, match=r"gives a as string, and the table has it as int"):
        agree(types(a="string"), types(a="int"), first=True)


def test_what_is_declared_counts_from_the_first_batch_on() -> None:
    declared = types(a="bigint", b="date")
    agree(types(a="int", b="date", _sluice_order="string"), types(a="bigint", b="date"), declared, first=True)
    with pytest.raises(TransformFailed, match=r"does not give b, which transform\.columns has"):
        agree(types(a="int"), types(), declared, first=True)
    with pytest.raises(TransformFailed, match=r"gives a as double, and transform\.columns has it as bigint"):
        agree(types(a="double", b="date"), types(), declared, first=True)


@pytest.mark.parametrize("name", ["count(1)", "Name", "_file"])
def test_a_column_that_a_table_cannot_have_is_refused(name: str) -> None:
    with pytest.raises(TransformFailed, match=r"s\.sql gives"):
        agree({name: parse_type("int")}, {}, first=True)


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(TransformFailed, match="gives 2 columns that are called a"):
        agreed_columns(Code("sql", "s.sql", ""), [("a", parse_type("int"))] * 2, {}, is_first=True)
