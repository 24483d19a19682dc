"""Reads of the catalog's rows, which alone decide what is true of an object."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.core.dynamo import get, get_many, query, scan
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog import contents
from pipeline.lake.catalog.indexes import Indexes
from pipeline.lake.catalog.rows import ObjectRow, Status


def key_of(obj: ObjectVersion) -> dict[str, str]:
    """The primary key of an object version's row."""
    return {"path": obj.path, "version_id": obj.version_id}


class Reads(Indexes):
    """Questions to the objects table of one lake."""

    def get(self, obj: ObjectVersion) -> ObjectRow | None:
        """The row of one object version, read consistently; None if there is none."""
        row = get(self._dynamodb, self.table, key_of(obj))
        return ObjectRow.from_row(row) if row else None

    def get_many(self, objects: list[ObjectVersion]) -> list[ObjectRow]:
        """Rows of `objects` that exist, read consistently, in the order of `objects`."""
        rows = [ObjectRow.from_row(r) for r in get_many(self._dynamodb, self.table, [key_of(o) for o in objects])]
        place = {obj: i for i, obj in enumerate(objects)}
        return sorted(rows, key=lambda row: place[row.object])

    def history(self, path: str) -> list[ObjectRow]:
        """All versions of one key, read consistently."""
        rows = query(
            self._dynamodb,
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="#p = :p",
            ExpressionAttributeNames={"#p": "path"},
            ExpressionAttributeValues={":p": {"S": path}},
        )
        return [ObjectRow.from_row(r) for r in rows if not r["version_id"].startswith(contents.PREFIX)]

    def all(self, dataset: str | None = None, status: Status | None = None) -> Iterator[ObjectRow]:
        """Every row, of one dataset or status where given. Reads the whole table: no command of the lake does."""
        rows = (ObjectRow.from_row(r) for r in scan(self._dynamodb, TableName=self.table) if "status" in r)
        return (r for r in rows if dataset in (None, r.dataset) and status in (None, r.status))
