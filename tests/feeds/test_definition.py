"""A contract says what reaches the target; one that would lose rows or say nothing is refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.feeds.definition import Column, Feed, path_of
from tests.feeds.contracts import TRANSACTIONS, feed


def test_a_contract_is_the_same_after_its_json():
    again = Feed.from_json(feed().to_json())
    assert again == feed()
    assert list(again.columns) == list(feed().columns)


def column(name: str, said: Any) -> dict[str, Any]:
    return {"columns": {**TRANSACTIONS["columns"], name: said}}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (column("person", {"pseudonymise": "nobody"}), "nobody, which is no namespace"),
        (column("person", {"pseudonymise": "person", "generalise": {"prefix": 1}}), "pseudonymised or generalised"),
        (column("person", {"pseudonymise": "person", "type": "bigint"}), "a pseudonym is text"),
        (column("amount", "decimal(3,9)"), "digits"),
        (column("amount", "money"), "none of text"),
        (column("amount_band", {"generalise": {"bands": [5, 1]}}), "lower ends"),
        (column("amount_band", {"generalise": {}}), "one of to, bands and prefix"),
        (column("month", {"type": "text", "generalise": "month"}), "to: month makes date or timestamp"),
        (column("month", {"type": "date", "generalise": "hour"}), "to: hour makes timestamp"),
        (column("note", "text"), "note is dropped, and a column as well"),
        (column("sluice_x", "text"), "begins as the feed's own"),
        (column("x", {"from": "a..b"}), "pattern"),
        (column("x", {"written_as": "epoch_seconds"}), "written_as means nothing"),
        ({"target": {"table": "t", "key": ["missing"]}}, "missing, of the target's key, is no column"),
        ({"target": {"table": "t", "key": ["amount"]}}, "is not made of a key attribute"),
        ({"source": {"table": "transactions", "key": ["id", "at"]}}, "at, of the source's key, is not in the target's"),
        ({"namespaces": {"person": {"method": "sha256"}, "card": {}}}, "needs the name of its secret"),
        ({"namespaces": {"person": {"secret": "crm"}, "card": {}}}, "secret belongs to method: sha256"),
    ],
)
def test_a_contract_that_cannot_be_kept_is_refused(changed: dict[str, Any], reason: str):
    with pytest.raises(ValidationError, match=reason):
        feed(**changed)


def test_a_key_that_is_generalised_is_refused():
    columns = {**TRANSACTIONS["columns"], "transaction_id": {"from": "id", "generalise": {"prefix": 2}}}
    with pytest.raises(ValidationError, match="take each other's place"):
        feed(columns=columns)


def test_a_dot_within_a_name_is_escaped():
    assert path_of("x", Column.model_validate({"from": r"a\.b.c"})) == ("a.b", "c")
