"""A change of a contract is compatible, breaking or refused, and what is refused is what a migration refuses."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.feeds.compatibility import Kind, changes
from tests.feeds.contracts import TRANSACTIONS, feed

COLUMNS = TRANSACTIONS["columns"]


def columns(**changed: Any) -> dict[str, Any]:
    return {"columns": {name: said for name, said in {**COLUMNS, **changed}.items() if said is not None}}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"dropped": []}, []),
        ({"key_holder": "Somebody else"}, [("key_holder", Kind.COMPATIBLE)]),
        ({"source": {"table": "other", "key": ["id"]}}, [("source", Kind.REFUSED)]),
        ({"target": {"table": "other", "key": ["transaction_id"]}}, [("target", Kind.REFUSED)]),
        (
            {"namespaces": {"person": {"identifier": "text"}, "card": {"identifier": "digits"}}},
            [("namespaces.person", Kind.REFUSED)],
        ),
        (
            {"namespaces": {**TRANSACTIONS["namespaces"], "shop": {}}},
            [("namespaces.shop", Kind.COMPATIBLE)],
        ),
        (columns(shop="text"), [("columns.shop", Kind.COMPATIBLE)]),
        (columns(area=None), [("columns.area", Kind.BREAKING)]),
        (columns(amount="decimal(14,2)"), [("columns.amount", Kind.COMPATIBLE)]),
        (columns(amount="decimal(14,4)"), [("columns.amount", Kind.COMPATIBLE)]),
        (columns(amount="decimal(12,4)"), [("columns.amount", Kind.REFUSED)]),
        (columns(amount="bigint"), [("columns.amount", Kind.REFUSED)]),
        (columns(card={"from": "card_number"}), [("columns.card", Kind.REFUSED)]),
        (columns(area={"from": "postcode", "generalise": {"prefix": 3}}), [("columns.area", Kind.REFUSED)]),
        (columns(amount={"type": "decimal(12,2)", "comment": "In euro."}), [("columns.amount", Kind.COMPATIBLE)]),
        (columns(amount={"type": "decimal(12,2)", "required": True}), [("columns.amount", Kind.BREAKING)]),
        (columns(amount={"type": "decimal(12,2)", "from": "amount"}), []),
    ],
)
def test_a_change_is_told_for_what_it_is(change: dict[str, Any], expected: list[tuple[str, Kind]]):
    assert [(each.field, each.kind) for each in changes(feed(), feed(**change))] == expected


def test_a_column_that_comes_back_must_mean_what_it_meant():
    without, retired = feed(**columns(area=None)), {"area": feed().columns["area"]}
    (back,) = changes(without, feed(), retired)
    assert (back.kind, back.meaning) == (
        Kind.COMPATIBLE,
        "with the values that it had, null in rows that changed meanwhile",
    )
    other = feed(**columns(area={"from": "postcode", "generalise": {"prefix": 4}}))
    assert [each.kind for each in changes(without, other, retired)] == [Kind.REFUSED, Kind.COMPATIBLE]
