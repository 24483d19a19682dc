"""The partitions that a run of an `overwrite` wrote, entered in the catalog in the place of those that are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from pipeline.core.errors import Transient
from pipeline.lake.tables.names import split_table

AT_ONCE = 100
"""Partitions that BatchCreatePartition and BatchUpdatePartition take."""


def partitions_in(s3: Any, folder: str) -> dict[tuple[str, ...], str]:
    """The location of each partition in `folder`, by its values as Spark wrote them into the names of folders."""
    bucket, _, prefix = folder.removeprefix("s3://").partition("/")
    found: dict[tuple[str, ...], str] = {}
    for key in _keys(s3, bucket, prefix):
        *steps, _ = key.removeprefix(prefix).split("/")
        values = tuple(unquote(step.partition("=")[2]) for step in steps)
        found[values] = f"s3://{bucket}/{key.rpartition('/')[0]}/"
    return found


def switch_partitions(
    glue: Any, s3: Any, table: str, found: Mapping[str, Any], folder: str, goes_on: Callable[[], bool]
) -> None:
    """Lead readers to the partitions of `folder`; of each at once, of several one after the other.

    `goes_on` is asked before each call: Glue has no condition on a partition, and who was stopped for long must not
    put old ones in the place of newer ones. `Transient` if it says no, or a partition was not taken.
    """
    database, name = split_table(table)
    place = {"DatabaseName": database, "TableName": name}
    inputs = [
        {"Values": list(values), "StorageDescriptor": {**found["StorageDescriptor"], "Location": location}}
        for values, location in sorted(partitions_in(s3, folder).items())
    ]
    for start in range(0, len(inputs), AT_ONCE):
        chunk = inputs[start : start + AT_ONCE]
        if not goes_on():
            raise Transient(f"somebody else has finished what {folder} began")
        refused = glue.batch_create_partition(**place, PartitionInputList=chunk).get("Errors", [])
        _check(refused, but="AlreadyExistsException")
        there = {tuple(error["PartitionValues"]) for error in refused}
        entries = [
            {"PartitionValueList": each["Values"], "PartitionInput": each}
            for each in chunk
            if tuple(each["Values"]) in there
        ]
        if entries:
            answer = glue.batch_update_partition(**place, Entries=entries)
            _check(answer.get("Errors", []))


def _check(errors: Iterable[Mapping[str, Any]], but: str | None = None) -> None:
    for error in errors:
        detail = error["ErrorDetail"]
        if detail.get("ErrorCode") != but:
            # Whoever repeats the commit goes on with it.
            raise Transient(f"Glue did not take a partition: {detail.get('ErrorCode')}")


def _keys(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Contents", []):
            if each["Key"].endswith(".parquet"):
                yield each["Key"]
