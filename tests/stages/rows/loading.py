"""Both halves of the lake on raw files: the real transform, and the real table write in one warm Spark."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import load_catalog
from ulid import ULID

from pipeline.emulator.glue.spark.session import WarmSpark
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.model import ROW_COLUMN
from pipeline.lake.files.conversion import convert
from pipeline.lake.files.limits import Limits
from pipeline.lake.messages.written import Written
from pipeline.lake.tables.creation import create_table
from pipeline.lake.tables.iceberg import IcebergTables
from pipeline.lake.tables.outcomes import CommitOutcome
from pipeline.operate.nested_nulls import keep_nested_nulls
from pipeline.toolchain.jars import ensure_jars
from pipeline.toolchain.java import java_home
from stages.stage_b.jobs.batch_manifest import inspect_staged, read_manifest
from stages.stage_b.jobs.branch_writes import Job, write_batch
from stages.stage_b.jobs.small_files import FOLDER, gathered
from tests.stages.rows.drafts import RawFile
from tests.warm_lake import REGION, WarmLake, warm_lake

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Staged:
    """What the transform made of a file. `bad` are the lines that it wrote for rows that it does not let pass, `uri`
    is where the staged file is, if its name and scheme matter, `name` the raw file's, if it has several versions."""

    raw: RawFile
    table: pa.Table
    bad: list[dict[str, Any]]
    parquet: bytes
    uri: str | None = None
    name: str | None = None

    @property
    def id(self) -> str:
        return f"raw/team/set/{self.name or f'file-{self.raw.order}'}#v{self.raw.order}"


def transform(raw: RawFile, dataset: Dataset, limits: Limits) -> Staged:
    """Raises BadObject as `convert` does."""
    with TemporaryDirectory() as folder:
        parquet, bad_rows = Path(folder, "out.parquet"), Path(folder, "bad.jsonl")
        source = Path(folder, "raw")
        source.write_bytes(raw.data)
        with source.open("rb") as opened:
            convert(
                opened,
                file_name="file",
                settings=dataset.stage_a,
                contract=dataset.contract,
                parquet=parquet,
                bad_rows=bad_rows,
                metadata={},
                limits=limits,
            )
        bad = [json.loads(line) for line in bad_rows.read_text().split("\n")[:-1]]
        return Staged(raw, pq.ParquetFile(parquet).read(use_threads=False), bad, parquet.read_bytes())


@dataclass(frozen=True)
class Loaded:
    """A batch in the table. `quarantined` are the lines for rows that the job could not load."""

    written: Written
    quarantined: list[dict[str, Any]]


class Loader:
    """Writes batches of one dataset after another; ends with the folder's tests."""

    def __init__(self, lake: WarmLake, spark: Any) -> None:
        self._lake = lake
        self._spark = spark
        for bucket in ("values-staging", "values-curated", "values-quarantine"):
            lake.make_bucket(bucket)
        endpoints = {"glue.endpoint": lake.endpoint, "s3.endpoint": lake.endpoint}
        client = {"client.region": REGION, "client.access-key-id": lake.key.id}
        client["client.secret-access-key"] = lake.key.secret
        self.tables = IcebergTables(load_catalog("glue", **{"type": "glue", **client, **endpoints}))

    def make_table(self, dataset: Dataset) -> str:
        name = f"lake_values.set_{next(_numbers)}"
        create_table(dataset, name, f"s3://values-curated/{name}", self.tables)
        return name

    def seal(self, dataset: Dataset, table: str, staged: Sequence[Staged]) -> str:
        """Put the staged files and their manifest where the job looks for them; returns the batch."""
        batch = str(ULID())
        document = {
            "batch": batch,
            "dataset": json.loads(dataset.to_json()),
            "table": table,
            "objects": [self._put(batch, one) for one in sorted(staged, key=lambda one: one.raw.order)],
        }
        self._lake.put(f"_manifests/team/set/{batch}.json", json.dumps(document).encode(), "values-staging")
        return batch

    def write(self, table: str, batch: str, run: str, *, gather: bool = True) -> Loaded:
        """What one run of the job does but for its row in DynamoDB. Unless told to `gather`, each file is read for
        itself, as a large one is."""
        manifest = read_manifest(self._lake.s3, f"s3://values-staging/_manifests/team/set/{batch}.json", "team/set")
        files = inspect_staged(self._lake.s3, manifest)
        folder = f"{batch}/{run}"
        if gather:
            files = gathered(self._lake.s3, files, f"s3://values-staging/{FOLDER}/{folder}")
        # A job's own session knows no table from before, as this one's catalog would.
        session = self._spark.newSession()
        written = write_batch(session, Job(manifest, run, table, f"s3://values-quarantine/{folder}"), files)
        return Loaded(written, list(self._quarantined(folder)))

    def commit(self, table: str, batch: str, written: Written) -> None:
        """Twice, as after an answer that got lost."""
        for _ in range(2):
            if written.snapshot is None:
                outcome = self.tables.mark_empty(table, batch, written.base)
            else:
                outcome = self.tables.commit(table, batch, written.branch, written.base, written.snapshot)
            assert outcome == CommitOutcome.COMMITTED

    def read(self, table: str) -> pa.Table:
        keep_nested_nulls()
        return self.tables.load(table).scan().to_arrow()

    def _put(self, batch: str, staged: Staged) -> Mapping[str, Any]:
        uri = staged.uri or f"s3://values-staging/team/set/{batch}-{staged.raw.order}.parquet"
        key = uri.partition("://values-staging/")[2]
        answer = self._lake.s3.put_object(Bucket="values-staging", Key=key, Body=staged.parquet)
        path, _, version = staged.id.partition("#")
        bucket, _, raw = path.partition("/")
        return {
            "bucket": bucket,
            "key": raw,
            "version_id": version,
            "order": f"{staged.raw.order:013d}|{'0' * 32}|{raw}|{version}",
            "staged": uri,
            "etag": answer["ETag"].strip('"'),
            "rows": staged.table.num_rows,
        }

    def _quarantined(self, folder: str) -> Iterator[dict[str, Any]]:
        found = self._lake.s3.list_objects_v2(Bucket="values-quarantine", Prefix=f"{folder}/")
        for entry in found.get("Contents", []):
            body = self._lake.s3.get_object(Bucket="values-quarantine", Key=entry["Key"])["Body"].read()
            yield from map(json.loads, body.decode().split("\n")[:-1])


@contextmanager
def loader(folder: Path) -> Iterator[Loader]:
    """A SparkContext for as long as this lasts, in a JVM of its own: the warm lake's belongs to its job runs."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    lake = warm_lake()
    warm = WarmSpark(ensure_jars(), java_home(), lake.endpoint, folder, warm_up=False, key=lake.key)
    warm.start()
    before = dict(os.environ)
    try:
        os.environ.update(warm.attachment().environment())
        spark = SparkSession.builder.getOrCreate()
        try:
            yield Loader(lake, spark)
        finally:
            spark.stop()
            # pyspark keeps them for ever, and other tests have another JVM.
            SparkContext._gateway = SparkContext._jvm = None
    finally:
        os.environ.clear()
        os.environ.update(before)
        warm.stop()


def staged_rows(staged: Staged) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of the staged file with the line of each."""
    for row in staged.table.to_pylist():
        line = row.pop(ROW_COLUMN)
        yield line, row
