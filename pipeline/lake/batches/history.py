"""How long it is remembered what became of a batch or a turn of upkeep: its row ends when nothing is left to act on.

Upkeep gives rows their end, after it removed the branches that they answer for; DynamoDB deletes what has expired
(PROTOCOL, Catalog). No other code sets it, so that there is one rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ulid import ULID

from pipeline.core.dynamo import Change, query, update_if
from pipeline.lake.batches.records import FINAL, Batch, BatchRecords, candidates_of
from pipeline.lake.catalog import Catalog
from pipeline.lake.catalog.rows import OPEN

KEPT_AT_LEAST = timedelta(days=30)
"""The least of the setting batch-history-days. An execution may be redriven for 14 days (Step Functions quota) and then
takes at most 5, a message waits in a dead-letter queue for 14: nothing that is late finds its batch's row gone."""


def is_over(batch: Batch | None, batch_id: str, now: datetime) -> bool:
    """Whether a batch is over for good; `batch` is its row, if there is one.

    A row is made before anything else of a batch and goes only some time after the batch ended. One that is not there
    is over if its id, a ULID, is as old as that; otherwise something is wrong, and what is the batch's stays.
    """
    if batch is not None:
        return batch.status in FINAL
    try:
        return ULID.from_str(batch_id).datetime + KEPT_AT_LEAST < now
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class History:
    """The rows of batches and turns in one lake's table. They are kept for `keep` once nothing is left to act on."""

    dynamodb: Any
    table: str
    catalog: Catalog
    records: BatchRecords
    keep: timedelta
    clock: Callable[[], datetime]

    def give_ends(self, dataset: str) -> int:
        """Let what is over expire, `keep` from now; returns how many rows were given their end.

        A batch that failed or was quarantined stays while one of its objects waits for somebody to act.
        """
        expires = int((self.clock() + self.keep).timestamp())
        given = 0
        for item in self._without_end(dataset):
            if item.startswith("BATCH#") and self._holds_objects(dataset, item.removeprefix("BATCH#")):
                continue
            change = Change(
                key={"dataset": dataset, "item": item},
                set={"expires": expires},
                condition="attribute_exists(#ended) AND attribute_not_exists(#expires)",
                values={},
            )
            given += update_if(self.dynamodb, self.table, change) is None
        return given

    def _without_end(self, dataset: str) -> list[str]:
        """Items that have ended and do not expire yet. The lock never ends."""
        rows = query(
            self.dynamodb,
            TableName=self.table,
            KeyConditionExpression="dataset = :d",
            FilterExpression="attribute_exists(#ended) AND attribute_not_exists(#expires)",
            ProjectionExpression="#item",
            ExpressionAttributeNames={"#ended": "ended", "#expires": "expires", "#item": "item"},
            ExpressionAttributeValues={":d": {"S": dataset}},
        )
        return [row["item"] for row in rows]

    def _holds_objects(self, dataset: str, batch_id: str) -> bool:
        """Whether an object that is not finished is in the batch. One that has left it never comes back to it."""
        batch = self.records.get(dataset, batch_id)
        rows = self.catalog.get_many(candidates_of(batch)) if batch else []
        return any(row.batch == batch_id and row.status in OPEN for row in rows)
