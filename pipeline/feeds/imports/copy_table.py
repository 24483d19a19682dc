"""A copy of the table, whose stream feeds the same function: it writes all rows, those of the history too.

The copy's stream has an order of its own. Its records count as an import's do (`changes.Decoder`), and so the live
stream's stay newer, whichever come first.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from psycopg import sql

from pipeline.core.errors import Misconfigured, Refused
from pipeline.feeds import history
from pipeline.feeds.changes import Change, copy_of
from pipeline.feeds.definition import Feed
from pipeline.feeds.imports import runs
from pipeline.feeds.imports.comparison import Comparison, compare
from pipeline.feeds.imports.in_place import progress
from pipeline.feeds.imports.jobs import Job, pages_of
from pipeline.feeds.imports.live import check_live, live_mapping
from pipeline.feeds.imports.progress import Estimate, Progress
from pipeline.feeds.target import rows_table
from pipeline.feeds.types import parse_type
from pipeline.feeds.writer import Writer, versions_of

_WAY = "copy"
_PUT_AT_MOST = 25
_ASK_AGAIN_S = 5.0
_AS_LIVE = (
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRetryAttempts",
)
"""What the copy's stream is read with as the live one is: what fails is given up, and told of, in the same way."""
_PATIENCE = 120
"""How often it is asked, without any row having come, until the import is given up."""


class CopyTable:
    """See `ways.Way`. Takes read units of the table, and a table beside it for as long as it takes."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._table = copy_of(job.feed.source.table)
        self._count = _count_of_rows(job.feed)
        self._writer = Writer(job.feed)

    def estimate(self) -> Estimate:
        """See `ways.Way`. The copy must be done and drained before the records of its stream end."""
        return history.estimate(self._job.client("dynamodb"), self._job.feed, self._job.units)

    def run(self) -> Iterator[Progress]:
        """See `ways.Way`."""
        job = self._job
        if job.function is None:
            raise Misconfigured("a copy needs the function that reads its stream", hint="Say which.")
        check_live(job, job.clock())
        token = runs.begin(job.connection, job.feed, _WAY).token
        if not self._is_drained():
            stream = self._create()
            yield from self._map(stream)
            yield from self._copy(token)
            yield from self._drain(token)
        self._remove()
        runs.finish(job.connection, job.feed, token)

    def forget(self) -> None:
        """See `ways.Way`."""
        self._remove()
        runs.forget(self._job.connection, self._job.feed)

    def compare(self) -> Comparison:
        """See `ways.Way`. The source is the table: the copy is gone by then."""
        job = self._job
        pages = pages_of(job, job.feed.source.table)
        return compare(job.connection, job.feed, job.decoder, pages, sleep=job.sleep)

    def _is_drained(self) -> bool:
        query = "SELECT detail FROM sluice_feeds.import_run WHERE feed = %s"
        return self._job.connection.execute(query, (self._job.feed.feed,)).fetchone() == ("drained",)

    def _create(self) -> str:
        """The ARN of the copy's stream, once the copy is there."""
        dynamodb = self._job.client("dynamodb")
        if (there := self._described(self._table)) is None:
            source = dynamodb.describe_table(TableName=self._job.feed.source.table)["Table"]
            key = {each["AttributeName"] for each in source["KeySchema"]}
            dynamodb.create_table(
                TableName=self._table,
                KeySchema=source["KeySchema"],
                AttributeDefinitions=[each for each in source["AttributeDefinitions"] if each["AttributeName"] in key],
                BillingMode="PAY_PER_REQUEST",
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
                SSESpecification={"Enabled": True, **self._encryption()},
            )
            dynamodb.get_waiter("table_exists").wait(TableName=self._table)
            there = self._described(self._table) or {}
        stream: str = there["LatestStreamArn"]
        return stream

    def _encryption(self) -> dict[str, str]:
        return {"SSEType": "KMS", "KMSMasterKeyId": self._job.key} if self._job.key else {}

    def _map(self, stream: str) -> Iterator[Progress]:
        """Have the function read the copy's stream from its beginning, as it reads the live one."""
        lambda_ = self._job.client("lambda")
        if not (mappings := self._mappings()):
            live = live_mapping(self._job)
            lambda_.create_event_source_mapping(
                FunctionName=self._job.function,
                EventSourceArn=stream,
                StartingPosition="TRIM_HORIZON",
                **{name: live[name] for name in _AS_LIVE if live.get(name) is not None},
            )
            mappings = self._mappings()
        while any(mapping["State"] != "Enabled" for mapping in mappings):
            yield Progress("the function begins to read the copy", 0, 0, 1)
            self._job.sleep(_ASK_AGAIN_S)
            mappings = self._mappings()

    def _copy(self, token: str) -> Iterator[Progress]:
        job, dynamodb = self._job, self._job.client("dynamodb")
        waiting = [part for part in history.segments_of(job.connection, job.feed) if not part.is_done]
        while waiting:
            part, *waiting = waiting
            began = time.monotonic()
            page = dynamodb.scan(**history.scan_request(job.feed, part))
            self._put(page["Items"])
            part = history.read_to(part, page)
            history.keep(job.connection, job.feed, part, token)
            yield progress(job, "copying the table")
            if not part.is_done:
                waiting.append(part)
            job.pace(page, began)

    def _put(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Put items into the copy. One that is there already as it is makes no record of the stream."""
        for start in range(0, len(items), _PUT_AT_MOST):
            left = [{"PutRequest": {"Item": item}} for item in items[start : start + _PUT_AT_MOST]]
            while left:
                answer = self._job.client("dynamodb").batch_write_item(RequestItems={self._table: left})
                if left := answer.get("UnprocessedItems", {}).get(self._table, []):
                    self._job.sleep(1.0)

    def _drain(self, token: str) -> Iterator[Progress]:
        """Wait until each item of the copy has a row or a tombstone, or was put aside. `Refused` if none comes."""
        job, last, unchanged = self._job, -1, 0
        while missing := self._missing():
            unchanged = unchanged + 1 if missing == last else 0
            if unchanged >= _PATIENCE:
                raise Refused(
                    f"{missing} items of the copy have not come to the target: their records have failed or ended",
                    hint=f"Look at the function's log and its on-failure queue. {self._table} still has them.",
                )
            last = missing
            yield Progress(f"{missing} items are on their way", progress(job, "").items - missing, 0, 1)
            job.sleep(_ASK_AGAIN_S)
        runs.note(job.connection, job.feed, token, "drained")

    def _missing(self) -> int:
        job = self._job
        count = 0
        for page in pages_of(job, self._table):
            with job.connection.transaction():
                decode = job.decoder(versions_of(job.connection, job.feed)).of_item
                found = list(map(decode, page))
                # The copy may be gone before the function has put them aside.
                self._writer.write(job.connection, [each for each in found if not isinstance(each, Change)])
                rows = {each.key for each in found if isinstance(each, Change)}
                there = job.connection.execute(self._count, [list(column) for column in zip(*rows, strict=True)])
                count += len(rows) - sum(number for (number,) in there) if rows else 0
        return count

    def _remove(self) -> None:
        """End the mapping, then the copy."""
        for mapping in self._mappings():
            self._job.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])
        if self._described(self._table) is not None:
            self._job.client("dynamodb").delete_table(TableName=self._table)

    def _mappings(self) -> list[Mapping[str, Any]]:
        if self._job.function is None:
            return []
        pages = self._job.client("lambda").get_paginator("list_event_source_mappings")
        found = [
            each
            for page in pages.paginate(FunctionName=self._job.function)
            for each in page["EventSourceMappings"]
            if f":table/{self._table}/stream/" in each["EventSourceArn"] and each["State"] != "Deleting"
        ]
        return found

    def _described(self, name: str) -> Mapping[str, Any] | None:
        dynamodb = self._job.client("dynamodb")
        try:
            table: Mapping[str, Any] = dynamodb.describe_table(TableName=name)["Table"]
        except dynamodb.exceptions.ResourceNotFoundException:
            return None
        return None if table["TableStatus"] == "DELETING" else table


def _count_of_rows(feed: Feed) -> sql.Composed:
    """How many rows and tombstones have the keys that are given, a list for each column of the key."""
    comma = sql.SQL(", ")
    types = [sql.SQL(parse_type(feed.columns[name].type).sql) for name in feed.target.key]
    return sql.SQL("SELECT count(*) FROM {} JOIN unnest({}) AS wanted ({names}) USING ({names})").format(
        rows_table(feed),
        comma.join(sql.SQL("%s::{}[]").format(type_) for type_ in types),
        names=comma.join(map(sql.Identifier, feed.target.key)),
    )
