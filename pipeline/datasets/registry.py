"""Registered datasets: the DynamoDB table that the routing Lambda reads as its context."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.datasets.model import Dataset, DatasetName
from pipeline.dynamo import encode, get, get_many, scan


@dataclass(frozen=True, slots=True)
class Registration:
    """A registered dataset and its own deployed parts."""

    dataset: Dataset
    queue_url: str
    dead_letter_queue_url: str
    table: str
    """`<glue database>.<table>`"""


class Registry:
    """The datasets table."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def get(self, name: DatasetName) -> Registration | None:
        row = get(self._dynamodb, self._table, {"name": str(name)})
        return _registration(row) if row else None

    def get_many(self, names: Iterable[DatasetName]) -> dict[DatasetName, Registration]:
        """Those of `names` that are registered; one call for up to a hundred."""
        keys = [{"name": str(name)} for name in sorted(set(names))]
        found = (_registration(row) for row in get_many(self._dynamodb, self._table, keys))
        return {registration.dataset.name: registration for registration in found}

    def all(self) -> list[Registration]:
        found = (_registration(row) for row in scan(self._dynamodb, TableName=self._table))
        return sorted(found, key=lambda r: r.dataset.name)

    def put(self, registration: Registration) -> None:
        item = {
            "name": str(registration.dataset.name),
            "definition": registration.dataset.to_json(),
            "queue_url": registration.queue_url,
            "dead_letter_queue_url": registration.dead_letter_queue_url,
            "table": registration.table,
        }
        self._dynamodb.put_item(TableName=self._table, Item=encode(item))


def _registration(row: dict[str, Any]) -> Registration:
    return Registration(
        Dataset.from_json(row["definition"]), row["queue_url"], row["dead_letter_queue_url"], row["table"]
    )
