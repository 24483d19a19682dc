"""The folder that a table's crawler looks into. Only commits write there, one batch at a time (the dataset's lock)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.core import ulids
from pipeline.lake.datasets.system_columns import BATCH_COLUMN
from pipeline.lake.tables import parquet_names as names
from pipeline.lake.tables.names import split_table

THREADS = 8
PARTS_FROM, PART = 4 << 30, 512 << 20
"""S3 copies an object of up to 5 GB by one call."""

STRANGERS_FOR = timedelta(days=7)
"""How far back a batch may have begun whose late commit left files here: longer than an execution lasts."""

KNOWN_AT_ONCE = 1000
"""Partitions that BatchGetPartition takes."""


class CrawledFolder:
    """That of one table, `database.table`, which lies in `root`."""

    def __init__(self, s3: Any, glue: Any, table: str, root: str) -> None:
        self._s3 = s3
        self._glue = glue
        self._table = table
        self._bucket, _, self._prefix = names.crawled_folder(root).removeprefix("s3://").partition("/")

    def publish(self, folder: str, batch: str) -> None:
        """Copy the files of a run into the batch's own folder; those that are there as they should be stay."""
        bucket, _, prefix = folder.removeprefix("s3://").partition("/")
        target = self._folder(batch)
        there = dict(self._files(target))
        missing = [
            (key, f"{target}{key.rpartition('/')[2]}")
            for key, size in self._files(prefix, bucket)
            if there.get(f"{target}{key.rpartition('/')[2]}") != size
        ]
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda pair: self._copy(bucket, *pair), missing))

    def remove(self, batch: str) -> None:
        """Remove a batch's files."""
        for key, _ in list(self._files(self._folder(batch))):
            self._s3.delete_object(Bucket=self._bucket, Key=key)

    def remove_strangers(self, batch: str, now: datetime | None = None) -> None:
        """Remove what a commit left that went on after its batch was abandoned: folders that are no partition."""
        since = (now or datetime.now(UTC)) - STRANGERS_FOR
        others = [found for found in self._batches(ulids.first(since)) if found != batch]
        for start in range(0, len(others), KNOWN_AT_ONCE):
            chunk = others[start : start + KNOWN_AT_ONCE]
            for stranger in sorted(set(chunk) - self._known(chunk)):
                self.remove(stranger)

    def _known(self, batches: list[str]) -> set[str]:
        database, name = split_table(self._table)
        wanted = [{"Values": [each]} for each in batches]
        answer = self._glue.batch_get_partition(DatabaseName=database, TableName=name, PartitionsToGet=wanted)
        # What Glue did not look at it says here: nobody knows that it is no partition.
        unknown = answer.get("UnprocessedKeys", [])
        return {each["Values"][0] for each in (*answer["Partitions"], *unknown)}

    def _batches(self, after: str) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix, Delimiter="/", StartAfter=self._folder(after)
        )
        for page in pages:
            for each in page.get("CommonPrefixes", []):
                yield each["Prefix"].removesuffix("/").partition("=")[2]

    def _files(self, prefix: str, bucket: str | None = None) -> Iterator[tuple[str, int]]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket or self._bucket, Prefix=prefix)
        for page in pages:
            for each in page.get("Contents", []):
                yield each["Key"], each["Size"]

    def _copy(self, bucket: str, source: str, target: str) -> None:
        from boto3.s3.transfer import TransferConfig

        config = TransferConfig(multipart_threshold=PARTS_FROM, multipart_chunksize=PART)
        self._s3.copy({"Bucket": bucket, "Key": source}, self._bucket, target, Config=config)

    def _folder(self, batch: str) -> str:
        return f"{self._prefix}{BATCH_COLUMN}={batch}/"
