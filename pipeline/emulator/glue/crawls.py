"""What a Glue crawler does: it looks at the files of a table, and enters new columns and partitions in the catalog.

Of crawlers for tables that are in the catalog (CatalogTargets), made of Parquet files. Sources: AWS Glue Developer
Guide, "How crawlers work", "Setting crawler configuration options", "Creating a single schema for each Amazon S3
include path". Such a crawler makes no table.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import BadInput

FOOTER_BYTES = 64 * 1024
_LENGTH_AND_MAGIC = 8
AT_ONCE = 100


class CrawlFailed(BadInput):
    """Why a crawl failed, as LastCrawl's ErrorMessage has it."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that was found, and the names and values of the folders between it and its table."""

    key: str
    size: int
    folders: tuple[tuple[str, str], ...]


def crawl(glue: Any, s3: Any, database: str, table: str, goes_on: Any) -> dict[str, int]:
    """Bring the catalog's entries of a table up to its files; how many partitions and columns were added.

    `goes_on` is asked before each file: a crawl that is stopped enters nothing. `CrawlFailed` where files have no one
    schema.
    """
    found = glue.get_table(DatabaseName=database, Name=table)["Table"]
    bucket, _, prefix = found["StorageDescriptor"]["Location"].removeprefix("s3://").partition("/")
    files = list(files_below(s3, bucket, prefix))
    columns = merged(_schemas(s3, bucket, files, goes_on))
    if not goes_on():
        return {"columns": 0, "partitions": 0}
    added = _add_columns(glue, database, found, columns)
    keys = [key["Name"] for key in found.get("PartitionKeys", [])]
    partitions = _add_partitions(glue, database, table, bucket, prefix, partition_values(files, keys))
    return {"columns": added, "partitions": partitions}


def files_below(s3: Any, bucket: str, prefix: str) -> Iterator[File]:
    """The files below a folder; what begins with a dot or an underscore is no data."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Contents", []):
            *steps, name = each["Key"].removeprefix(prefix).split("/")
            if each["Size"] and not any(part.startswith(("_", ".")) for part in (*steps, name)):
                yield File(each["Key"], each["Size"], tuple(_folder(n, step) for n, step in enumerate(steps)))


def _folder(number: int, step: str) -> tuple[str, str]:
    """`day=1` is a value of the column day; a folder of any other name is one of `partition_<n>`."""
    name, equals, value = step.partition("=")
    return (name.lower(), value) if equals else (f"partition_{number}", step)


def partition_values(files: Iterable[File], keys: list[str]) -> dict[tuple[str, ...], str]:
    """Each partition's folder, below the table's, by its values. `CrawlFailed` where folders are not the table's."""
    found: dict[tuple[str, ...], str] = {}
    for file in files:
        names = [name for name, _ in file.folders]
        if names != keys:
            raise CrawlFailed(f"{file.key} lies in folders of {names}, and the table is partitioned by {keys}")
        if keys:
            found[tuple(value for _, value in file.folders)] = file.key.rpartition("/")[0] + "/"
    return found


def merged(schemas: Iterable[tuple[str, Mapping[str, str]]]) -> dict[str, str]:
    """The columns of all files. `CrawlFailed` for a column that is of one type here and of another there."""
    columns: dict[str, tuple[str, str]] = {}
    for key, schema in schemas:
        for name, kind in schema.items():
            first, where = columns.setdefault(name, (kind, key))
            if first != kind:
                raise CrawlFailed(
                    f"the files have no one schema: column {name} is {first} in {where} and {kind} in {key}"
                )
    return {name: kind for name, (kind, _) in columns.items()}


def _schemas(s3: Any, bucket: str, files: Iterable[File], goes_on: Any) -> Iterator[tuple[str, dict[str, str]]]:
    for file in files:
        if not goes_on():
            return
        yield file.key, schema_of(s3, bucket, file)


def schema_of(s3: Any, bucket: str, file: File) -> dict[str, str]:
    """The columns of a Parquet file, as Glue writes their types. `CrawlFailed` for any other file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from pipeline.emulator.glue.column_types import glue_type

    try:
        end = _end(s3, bucket, file, FOOTER_BYTES)
        needed = int.from_bytes(end[-_LENGTH_AND_MAGIC:-4], "little") + _LENGTH_AND_MAGIC
        if needed > len(end):
            end = _end(s3, bucket, file, needed)
        schema = pq.read_schema(io.BytesIO(b"PAR1" + end[-needed:]))
    except pa.ArrowException as error:
        raise CrawlFailed(f"{file.key} is no Parquet file: {error}") from error
    return {field.name.lower(): glue_type(field.type) for field in schema}


def _end(s3: Any, bucket: str, file: File, length: int) -> bytes:
    start = max(0, file.size - length)
    body = s3.get_object(Bucket=bucket, Key=file.key, Range=f"bytes={start}-")["Body"]
    return bytes(body.read())


def _add_columns(glue: Any, database: str, table: Mapping[str, Any], columns: Mapping[str, str]) -> int:
    """Add columns that the table lacks (MergeNewColumns): those that it has stay as they are."""
    have = {each["Name"] for each in (*table["StorageDescriptor"]["Columns"], *table.get("PartitionKeys", []))}
    missing = [{"Name": name, "Type": kind} for name, kind in columns.items() if name not in have]
    if missing:
        storage = table["StorageDescriptor"]
        storage = {**storage, "Columns": [*storage["Columns"], *missing]}
        kept = ("Name", "Description", "Owner", "Retention", "PartitionKeys", "TableType", "Parameters")
        changed = {name: table[name] for name in kept if name in table} | {"StorageDescriptor": storage}
        glue.update_table(DatabaseName=database, TableInput=changed, VersionId=table["VersionId"])
    return len(missing)


def _add_partitions(
    glue: Any, database: str, table: str, bucket: str, prefix: str, found: Mapping[tuple[str, ...], str]
) -> int:
    pages = glue.get_paginator("get_partitions").paginate(DatabaseName=database, TableName=table)
    have = {tuple(each["Values"]) for page in pages for each in page["Partitions"]}
    # A partition's columns are the table's (InheritFromTable), as they are now.
    storage = glue.get_table(DatabaseName=database, Name=table)["Table"]["StorageDescriptor"]
    missing = [
        {"Values": list(values), "StorageDescriptor": {**storage, "Location": f"s3://{bucket}/{folder}"}}
        for values, folder in sorted(found.items())
        if values not in have
    ]
    for start in range(0, len(missing), AT_ONCE):
        chunk = missing[start : start + AT_ONCE]
        glue.batch_create_partition(DatabaseName=database, TableName=table, PartitionInputList=chunk)
    return len(missing)
