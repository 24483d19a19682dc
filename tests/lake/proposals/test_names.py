"""Names for columns that the lake finds again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.lake.datasets import Column
from pipeline.lake.files.contracts import map_columns
from pipeline.lake.proposals.names import name_columns


def test_names_are_readable_and_say_where_they_are_from_only_if_they_have_to():
    found = name_columns(["Order ID", "Ship/To", "Größe (cm)", "Ship to", "数量", "Amount ($)", "user.name", ""])
    assert [(each.name, each.source) if each else None for each in found] == [
        ("order_id", None),
        ("ship_to", "Ship/To"),
        ("groesse_cm", "Größe (cm)"),
        ("ship_to_2", "Ship to"),
        ("shuliang", "数量"),
        ("amount", "Amount ($)"),
        ("user_name", None),
        None,
    ]


def test_headers_that_are_the_same_are_told_apart_by_place():
    assert [(each.name, each.source) for each in name_columns(["id", "v", "id"]) if each] == [
        ("id", 1),
        ("v", None),
        ("id_2", 3),
    ]


@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8), max_size=6))
def test_the_lake_finds_every_column_under_the_name_that_was_proposed(headers: list[str]):
    named = name_columns(headers)
    contract = {
        each.name: Column.model_validate({"type": "string", **({"from": each.source} if each.source else {})})
        for each in named
        if each
    }
    assert map_columns(headers, contract) == tuple(each.name if each else None for each in named)
