"""Questions to the indexes of the objects table: what waits, what is open, what is finished, and how many. They may lag
a moment behind the rows, which alone decide (PROTOCOL, Catalog)."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.dynamo import decode, query, scan
from pipeline.core.objects import ObjectVersion
from pipeline.lake.catalog.index_keys import (
    NO_DATASET,
    OPEN_INDEX,
    OUTCOMES_INDEX,
    Place,
    bad_rows_partition,
    partition,
)
from pipeline.lake.catalog.rows import FINISHED, OPEN, Status
from pipeline.lake.datasets import DatasetName
from pipeline.lake.routing import UNROUTED, unrouted_partitions

SHORT = 100
"""Entries of the index `open` that one read may take to save ten."""

_PATH = {"#path": "path"}


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a partition by when objects came into it: `since` an ISO time on, and before the place `until`."""

    since: str | None = None
    until: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it ends before it begins."""
        return (self.until or "~") < (self.since or "0")


EVER = Span()


class Indexes:
    """The indexes of one lake's objects table."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self.table = table

    def waiting(self, dataset: str, status: Status, limit: int | None) -> list[tuple[ObjectVersion, str]]:
        """Hints, oldest first: unfinished objects and since when. One Query; without a `limit` all, a page each."""
        return list(self._open(partition(dataset, status), limit))

    def unrouted(self, dataset: DatasetName) -> Iterator[ObjectVersion]:
        """Objects under the dataset's prefix that arrived before it was registered.

        One Scan of the whole index where it is short, as that of a lake at rest is; else a Query a partition.
        """
        partitions = unrouted_partitions(dataset)
        page = self._dynamodb.scan(
            TableName=self.table,
            IndexName=OPEN_INDEX,
            Limit=SHORT,
            ProjectionExpression="#path, version_id, open_pk",
            ExpressionAttributeNames=_PATH,
        )
        if "LastEvaluatedKey" not in page:
            rows = map(decode, page["Items"])
            yield from (_object(row) for row in rows if row["open_pk"] in partitions)
            return
        for each in partitions:
            yield from (obj for obj, _ in self._open(each, None))

    def _open(self, partition: str, limit: int | None) -> Iterator[tuple[ObjectVersion, str]]:
        rows = query(self._dynamodb, limit, **self._of(OPEN_INDEX, "open_pk", partition))
        return ((_object(row), _since(row["open_sk"])) for row in rows)

    def unfinished(self, dataset: DatasetName | None = None) -> Iterator[Place]:
        """All that is not finished, of one dataset also what is unrouted under its prefix, in no order."""
        if dataset is None:
            rows = scan(
                self._dynamodb,
                TableName=self.table,
                IndexName=OPEN_INDEX,
                ProjectionExpression="#path, version_id, open_pk, open_sk",
                ExpressionAttributeNames=_PATH,
            )
        else:
            of_it = [partition(str(dataset), status) for status in sorted(OPEN - {Status.UNROUTED})]
            every = (*of_it, *unrouted_partitions(dataset))
            rows = (row for each in every for row in query(self._dynamodb, **self._of(OPEN_INDEX, "open_pk", each)))
        for row in rows:
            name, status = _named(row["open_pk"])
            yield Place(_object(row), None if name == UNROUTED else name, status, _since(row["open_sk"]))

    def changed(self, dataset: str | None, status: Status, span: Span, page: int) -> Iterator[Place]:
        """Objects of one dataset and status, but for the finished ones that are flawed, that changed last first; `page`
        at a time. Of unrouted ones `dataset` is that which they would have."""
        index, key = (OPEN_INDEX, "open") if status in OPEN else (OUTCOMES_INDEX, "outcome")
        unrouted = status is Status.UNROUTED and dataset
        places = (
            unrouted_partitions(DatasetName.parse(dataset)) if unrouted and dataset else [partition(dataset, status)]
        )
        found = [self._within(index, key, place, span, page) for place in places]
        of_it = None if unrouted else dataset
        for row in heapq.merge(*found, key=lambda row: str(row[f"{key}_sk"]), reverse=True):
            yield Place(_object(row), of_it, status, _since(row[f"{key}_sk"]))

    def changed_flawed(self, dataset: str, span: Span, page: int) -> Iterator[Place]:
        """As `flawed`, of a span; `page` at a time."""
        for row in self._within(OUTCOMES_INDEX, "outcome", bad_rows_partition(dataset), span, page):
            yield Place(_object(row), dataset, Status(row["status"]), _since(row["outcome_sk"]))

    def _within(self, index: str, key: str, partition: str, span: Span, page: int) -> Iterator[dict[str, Any]]:
        if span.is_empty:
            # DynamoDB refuses a BETWEEN whose bounds are the wrong way round.
            return iter(())
        request = self._of(
            index, f"{key}_pk", partition, {":from": {"S": span.since or "0"}, ":to": {"S": span.until or "~"}}
        )
        request["KeyConditionExpression"] += f" AND {key}_sk BETWEEN :from AND :to"
        rows = query(self._dynamodb, **request, ScanIndexForward=False, Limit=page)
        return (row for row in rows if row[f"{key}_sk"] != span.until)

    def count_open(self, dataset: DatasetName | None = None) -> Counter[tuple[str, Status]]:
        """How many objects are not finished, by dataset and status.

        Unrouted objects are counted under `~unrouted`, and not where one dataset is asked for: then keys are counted.
        """
        if dataset:
            name = str(dataset)
            return +Counter(
                {(name, status): self._count(OPEN_INDEX, "open_pk", partition(name, status)) for status in OPEN}
            )
        counts: Counter[tuple[str, Status]] = Counter()
        for row in scan(self._dynamodb, TableName=self.table, IndexName=OPEN_INDEX, ProjectionExpression="open_pk"):
            counts[_named(row["open_pk"])] += 1
        return counts

    def count_finished(self, dataset: str) -> Counter[Status]:
        """How many objects of a dataset are finished, by status, but for the flawed ones."""
        statuses = FINISHED - {Status.DELETE_MARKER}
        return +Counter({s: self._count(OUTCOMES_INDEX, "outcome_pk", partition(dataset, s)) for s in sorted(statuses)})

    def count_deleted(self, prefix: str = "") -> int:
        """How many delete markers there are of keys that begin so; `prefix` begins with the bucket."""
        more = {"FilterExpression": "begins_with(#path, :prefix)", "ExpressionAttributeNames": _PATH}
        values = {":prefix": {"S": prefix}}
        of_all = partition(None, Status.DELETE_MARKER)
        return self._count(OUTCOMES_INDEX, "outcome_pk", of_all, *((more, values) if prefix else ()))

    def finished(self, dataset: str | None, status: Status, page: int) -> Iterator[Place]:
        """Finished objects of a dataset, or of none, that changed last first, but for the flawed ones; `page` at a
        time."""
        of_it = self._of(OUTCOMES_INDEX, "outcome_pk", partition(dataset, status))
        for row in query(self._dynamodb, **of_it, ScanIndexForward=False, Limit=page):
            yield Place(_object(row), dataset, status, _since(row["outcome_sk"]))

    def ended(self) -> Iterator[Place]:
        """Whatever is finished or flawed, in no order, of all datasets. Reads the whole index, which only who keeps
        what it finds should do."""
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self.table, IndexName=OUTCOMES_INDEX)
        for row in (row for page in pages for row in page["Items"]):
            # Not `decode`, which takes half a minute for 500,000.
            plain = {name: value["S"] for name, value in row.items() if "S" in value}
            name = plain["outcome_pk"].partition("#")[0]
            dataset = None if name == NO_DATASET else name
            yield Place(_object(plain), dataset, Status(plain["status"]), _since(plain["outcome_sk"]))

    def flawed(self, dataset: str, limit: int | None = None) -> list[Place]:
        """Objects of a dataset of which rows were set aside or came twice, finished or not, unless they were dismissed
        when they were finished, at most `limit`, the newest first. `since` is when they were finished; of others it is
        when that became known."""
        of_it = self._of(OUTCOMES_INDEX, "outcome_pk", bad_rows_partition(dataset))
        rows = query(self._dynamodb, limit, **of_it, ScanIndexForward=False)
        return [Place(_object(row), dataset, Status(row["status"]), _since(row["outcome_sk"])) for row in rows]

    def _count(
        self,
        index: str,
        key: str,
        partition: str,
        more: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> int:
        request = self._of(index, key, partition, values) | dict(more or {})
        pages = self._dynamodb.get_paginator("query").paginate(**request, Select="COUNT")
        return sum(page["Count"] for page in pages)

    def _of(self, index: str, key: str, partition: str, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return {
            "TableName": self.table,
            "IndexName": index,
            "KeyConditionExpression": f"{key} = :p",
            "ExpressionAttributeValues": {":p": {"S": partition}, **(values or {})},
        }


def _object(row: Mapping[str, Any]) -> ObjectVersion:
    bucket, _, key = row["path"].partition("/")
    return ObjectVersion(bucket, key, row["version_id"])


def _since(place: str) -> str:
    return place.partition("#")[0]


def _named(partition: str) -> tuple[str, Status]:
    name, _, status = partition.partition("#")
    return name, Status.UNROUTED if name == UNROUTED else Status(status)
