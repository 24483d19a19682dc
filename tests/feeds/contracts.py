"""A contract and items for the tests of feeds."""

from __future__ import annotations

from typing import Any

from pipeline.feeds.definition import Feed
from pipeline.feeds.keyring import Keyring

TRANSACTIONS: dict[str, Any] = {
    "feed": "transactions",
    "key_holder": "Data protection officer",
    "source": {"table": "transactions", "key": ["id"]},
    "target": {"table": "transactions", "key": ["transaction_id"]},
    "namespaces": {"person": {"identifier": "email"}, "card": {"identifier": "digits"}},
    "columns": {
        "transaction_id": {"from": "id"},
        "person": {"from": "customer.email", "pseudonymise": "person"},
        "card": {"from": "card_number", "pseudonymise": "card"},
        "amount": "decimal(12,2)",
        "amount_band": {"from": "amount", "generalise": {"bands": [0, 100, 1000]}},
        "booked_at": {"from": "booked", "type": "timestamp"},
        "month": {"from": "booked", "type": "date", "generalise": "month"},
        "area": {"from": "postcode", "generalise": {"prefix": 2}},
    },
    "dropped": ["name", "note"],
}
KEYRING = Keyring({1: bytes(range(32)), 2: bytes(range(32, 64))}, {"crm": "s3cret"})
VERSIONS = {"person": 1, "card": 1}


def feed(**changed: Any) -> Feed:
    """The contract, with other parts in place of its own."""
    return Feed.model_validate({**TRANSACTIONS, **changed})


def item(key: str = "t1", **attributes: Any) -> dict[str, Any]:
    """An item as DynamoDB writes it; attributes are given as such."""
    return {
        "id": {"S": key},
        "customer": {"M": {"email": {"S": "Ada@Example.org"}, "name": {"S": "Ada L"}}},
        "card_number": {"S": "4000 0000 0000 0002"},
        "amount": {"N": "12.5"},
        "booked": {"S": "2026-03-31T23:30:00-02:00"},
        "postcode": {"S": "NE1 4ST"},
        "name": {"S": "Ada L"},
    } | attributes


def record(sequence: int, key: str = "t1", event: str = "MODIFY", **attributes: Any) -> dict[str, Any]:
    """A stream's record as Lambda gives it."""
    told: dict[str, Any] = {"Keys": {"id": {"S": key}}, "SequenceNumber": str(sequence)}
    if event != "REMOVE":
        told["NewImage"] = item(key, **attributes)
    return {"eventSource": "aws:dynamodb", "eventName": event, "dynamodb": told}
