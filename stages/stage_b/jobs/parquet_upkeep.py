"""Keep a table of Parquet files up: files that the catalog leads no reader to go away, and marks of nothing.

Whoever calls has the dataset's lock. Without Spark: no file is read or rewritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pipeline.lake.datasets.model import Upkeep
from pipeline.lake.tables import parquet_names as names
from pipeline.lake.tables.names import batch_of, split_table
from stages.stage_b.jobs.table_upkeep import ORPHANS_AFTER

AT_ONCE_FILES, AT_ONCE_PARTITIONS = 1000, 25
"""What DeleteObjects and BatchDeletePartition take."""

UNNAMED = "_unnamed"
"""The file, empty, that says since when nothing names its folder. Readers pass over names that begin so."""


class ParquetKeeper:
    """One table (`database.table`). `has_ended` says of a batch's id whether that batch is over for good."""

    def __init__(self, glue: Any, s3: Any, table: str, settings: Upkeep, has_ended: Callable[[str], bool]) -> None:
        self._glue = glue
        self._s3 = s3
        self._database, self._name = split_table(table)
        self._settings = settings
        self._has_ended = has_ended

    def keep_up(self, now: datetime) -> dict[str, int]:
        """Do everything, and say how much of each was done."""
        # Readers may still be on what was replaced; batches that are redriven write anew.
        older_than = now - max(ORPHANS_AFTER, self._settings.keep_snapshots)
        table = self._glue.get_table(DatabaseName=self._database, Name=self._name)["Table"]
        partitions = list(self._partitions())
        return {
            "partitions": self.remove_marks(table, partitions, older_than),
            "orphans": self.remove_orphans(table, partitions, older_than),
        }

    def remove_marks(self, table: Mapping[str, Any], partitions: list[dict[str, Any]], older_than: datetime) -> int:
        """Remove the partitions of batches that ended without rows: what they kept from committing has ended, too."""
        nothing = names.empty_folder(names.root_of(table))
        marks = [
            {"Values": each["Values"]}
            for each in partitions
            if each["StorageDescriptor"]["Location"] == nothing
            and each["CreationTime"] < older_than
            and self._has_ended(each["Values"][0])
        ]
        for start in range(0, len(marks), AT_ONCE_PARTITIONS):
            chunk = marks[start : start + AT_ONCE_PARTITIONS]
            self._glue.batch_delete_partition(
                DatabaseName=self._database, TableName=self._name, PartitionsToDelete=chunk
            )
        return len(marks)

    def remove_orphans(self, table: Mapping[str, Any], partitions: list[dict[str, Any]], older_than: datetime) -> int:
        """Remove the files of runs that the catalog has not named for as long, but none of a batch that goes on.

        A file may be old when it is replaced, and readers who were led to it may be on it still: so the first turn that
        finds a folder named by nothing leaves a mark in it, and one that finds an old mark removes the folder.
        """
        named = {each["StorageDescriptor"]["Location"] for each in (table, *partitions)}
        bucket, _, prefix = f"{names.root_of(table)}/data/".removeprefix("s3://").partition("/")
        ended: dict[str, bool] = {}
        folders: dict[str, dict[str, datetime]] = {}
        for key, written in self._files(bucket, prefix):
            folders.setdefault(key.rpartition("/")[0], {})[key] = written
        orphans = list[str]()
        for folder, files in folders.items():
            if f"s3://{bucket}/{folder}/" in named or not self._is_over(
                folder.removeprefix(prefix).partition("/")[0], ended
            ):
                continue
            found = files.get(f"{folder}/{UNNAMED}")
            if found is None:
                self._s3.put_object(Bucket=bucket, Key=f"{folder}/{UNNAMED}", Body=b"")
            elif found < older_than:
                # The mark goes last: what is left behind by a turn that is killed is not new again.
                orphans += sorted(files, key=lambda key: key.endswith(f"/{UNNAMED}"))
        for start in range(0, len(orphans), AT_ONCE_FILES):
            chunk = [{"Key": key} for key in orphans[start : start + AT_ONCE_FILES]]
            self._s3.delete_objects(Bucket=bucket, Delete={"Objects": chunk, "Quiet": True})
        return sum(not key.endswith(f"/{UNNAMED}") for key in orphans)

    def _is_over(self, branch: str, ended: dict[str, bool]) -> bool:
        """Whether a folder is of a batch that has ended; any other folder is nobody's to remove."""
        batch = batch_of(branch)
        if batch is None:
            return False
        if batch not in ended:
            ended[batch] = self._has_ended(batch)
        return ended[batch]

    def _partitions(self) -> Iterator[dict[str, Any]]:
        pages = self._glue.get_paginator("get_partitions").paginate(
            DatabaseName=self._database, TableName=self._name, ExcludeColumnSchema=True
        )
        for page in pages:
            yield from page["Partitions"]

    def _files(self, bucket: str, prefix: str) -> Iterator[tuple[str, datetime]]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", []):
                yield each["Key"], each["LastModified"]
