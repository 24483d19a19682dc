"""Small staged files as one: Spark asks S3 ten times for each file that it reads, however small it is."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stages.stage_b.jobs.batch_manifest import StagedFile, parts
from stages.stage_b.jobs.printed_paths import without_scheme

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER = "_gathered"
"""Of the staging bucket: what is there expires as staged files do."""

PATH, PLACE = "_sluice_gathered_path", "_sluice_gathered_place"
"""Columns of a gathered file: the path of the staged file that a row is from, without its scheme, and its place there
from 0 on."""


def gathered(s3: Any, files: Sequence[StagedFile], folder: str) -> list[StagedFile]:
    """Write those of `files` whose content is known and alike into one file under `folder`, an s3:// URI.

    Returns all files in their order; those that were written know where. Of each kind there must be two or more.
    """
    bucket, prefix = parts(folder)
    found = list(files)
    for number, (places, table) in enumerate(_alike(files)):
        key = f"{prefix}/{number}.parquet"
        s3.put_object(Bucket=bucket, Key=key, Body=_parquet(table))
        for place in places:
            found[place] = replace(files[place], gathered=f"s3://{bucket}/{key}", content=None)
    return found


def _alike(files: Sequence[StagedFile]) -> Iterator[tuple[list[int], pa.Table]]:
    """Files of the same columns as one table, with their places among all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    groups: dict[Any, list[tuple[int, pa.Table]]] = defaultdict(list)
    for place, file in enumerate(files):
        if file.content is not None and file.object.rows:
            table = pq.ParquetFile(io.BytesIO(file.content)).read().replace_schema_metadata(None)
            groups[file.columns, table.schema].append((place, table))
    for group in groups.values():
        if len(group) > 1:
            tables = [_with_place(table, without_scheme(files[place].object.staged)) for place, table in group]
            yield [place for place, _ in group], pa.concat_tables(tables)


def _with_place(table: pa.Table, path: str) -> pa.Table:
    import pyarrow as pa

    rows = table.num_rows
    paths = pa.array([path] * rows, pa.string())
    return table.append_column(PATH, paths).append_column(PLACE, pa.array(range(rows), pa.int64()))


def _parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    # As Stage A writes them: Spark reads the types of Parquet, not those of Arrow.
    pq.write_table(table, buffer, compression="zstd", store_schema=False)
    return buffer.getvalue()
