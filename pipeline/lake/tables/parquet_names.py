"""Names on a table of Parquet files that its commit protocol relies on (PROTOCOL, Stage B 5). Pure; ships with jobs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from pipeline.lake.datasets.system_columns import BATCH_COLUMN as BATCH_COLUMN
from pipeline.lake.tables.names import MARKER

ROOT = "sluice.root"
"""Table parameter: the s3:// folder that all of the table lies in, without a slash at its end."""

OUTCOME, COMMITTED, ABANDONED = "sluice.outcome", "committed", "abandoned"
"""Parameter of the partition that a batch is: what came of it. Who makes the partition first has decided it."""

COMMITTING = "sluice.committing"
"""Table parameter: the folder whose partitions take the place of those that are there. From its being set on the batch
is committed: whoever finds it finishes it."""

ABANDONED_BATCHES, REMEMBERED = "sluice.abandoned", 20
"""Table parameter: the last batches that were abandoned. No call of one before them still runs."""


NULL = "__HIVE_DEFAULT_PARTITION__"
"""What Hive, Spark and Athena write for the partition of rows without a value."""


_TABLE_INPUT = (
    "Name",
    "Description",
    "Owner",
    "Retention",
    "StorageDescriptor",
    "PartitionKeys",
    "TableType",
    "Parameters",
)


def rows_folder(root: str, branch: str) -> str:
    """Where one run of a batch's job writes: a folder of its own, which nobody reads before the commit names it."""
    return f"{root}/data/{branch}/"


def crawled_folder(root: str) -> str:
    """Where a crawler looks: only a commit writes there."""
    return f"{root}/rows/"


def empty_folder(root: str) -> str:
    """Where nothing ever lies: the location of a table or partition without a row."""
    return f"{root}/nothing/"


def branch_of(location: str) -> str | None:
    """The branch whose folder a location is, or lies in."""
    found = location.partition("/data/")[2].partition("/")[0]
    return found or None


def number_of(branch: str) -> int:
    """What stands for a run's rows where an Iceberg table has a snapshot's id: it follows from the run."""
    return int(hashlib.sha256(branch.encode()).hexdigest()[:15], 16)


def state_of(table: Mapping[str, Any]) -> int:
    """What a batch that replaces something builds on: it is another one after each commit. `table` is Glue's."""
    return number_of(table.get("Parameters", {}).get(MARKER, ""))


def root_of(table: Mapping[str, Any]) -> str:
    """The table's folder; KeyError for a table that Sluice did not make of Parquet files."""
    found: str = table["Parameters"][ROOT]
    return found


def is_appended(table: Mapping[str, Any]) -> bool:
    """Whether each batch is a partition of its own."""
    return [key["Name"] for key in table.get("PartitionKeys", [])] == [BATCH_COLUMN]


def is_crawled(table: Mapping[str, Any]) -> bool:
    """Whether a crawler enters files and columns in the catalog."""
    return bool(table["StorageDescriptor"]["Location"] == crawled_folder(root_of(table)))


def table_input(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table that Glue gives, as UpdateTable takes it."""
    return {name: table[name] for name in _TABLE_INPUT if name in table}
