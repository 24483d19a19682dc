"""What `sluice demo` shows of feeds: transactions of a few people, and the rows that become of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from pipeline.core.clients import client
from pipeline.feeds.database import Database
from pipeline.feeds.settings import Setting
from pipeline.lake.services import Lake

FEED = "demo_transactions"
"""The feed, whose contract is definitions/feeds/demo_transactions.yaml."""

VIEW = "bi.transactions"

_PEOPLE = (
    ("d1", "Ada Byron", "Ada.Byron@example.com", "4929 5512 8873 0046", "12.50", "SW1 4JS"),
    ("d2", "Ada Byron", "ada.byron@EXAMPLE.com ", "4929551288730046", "310.00", "SW1 4JS"),
    ("d3", "Grace Murray", "grace@example.org", "4000 0000 0000 0002", "39.90", "10001"),
    ("d4", "Alan Mathison", None, "4000 0000 0000 0010", "24.50", "00091"),
    ("d5", "Hedy Kiesler", "hedy@example.org", "5105 1051 0510 5100", "a lot", "01190"),
)
"""The second is the first, written otherwise; one has no address; of the last the amount is no number."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What analysts see."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def items() -> list[Mapping[str, Any]]:
    """The transactions, as DynamoDB has them."""
    return [
        {
            "id": {"S": key},
            "customer": {
                "M": {
                    "name": {"S": name},
                    "email": {"S": email} if email else {"NULL": True},
                    "postcode": {"S": postcode},
                }
            },
            "card_number": {"S": card},
            "amount": {"N": amount} if amount[0].isdigit() else {"S": amount},
            "currency": {"S": "CHF"},
            "booked_at": {"S": "2026-11-26"},
            "note": {"S": f"for {name}"},
        }
        for key, name, email, card, amount, postcode in _PEOPLE
    ]


def put(table: str) -> int:
    """Put the transactions into the feed's table, and return how many become rows."""
    for item in items():
        client("dynamodb").put_item(TableName=table, Item=item)
    return sum("N" in item["amount"] for item in items())


def rows(lake: Lake) -> Rows:
    """The rows of the view that are the transactions'."""
    place = Database.from_json(lake.settings[Setting.FEED_OWNER])
    secret = client("secretsmanager").get_secret_value(SecretId=place.password_secret)["SecretString"]
    with closing(place.connect(json.loads(secret)["password"])) as connection:
        keys = [key for key, *_ in _PEOPLE]
        found = connection.execute(f"SELECT * FROM {VIEW} WHERE transaction = ANY(%s) ORDER BY transaction", (keys,))
        return Rows([column.name for column in found.description or ()], found.fetchall())
