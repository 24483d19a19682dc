"""Batches for the transform job: staged files, manifests and batch rows as the stages before it leave them."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog import load_catalog
from ulid import ULID

from pipeline.core.dynamo import encode
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches.records import Batch, BatchRecords
from pipeline.lake.batches.results import ResultRecorder
from pipeline.lake.datasets import Dataset
from pipeline.lake.messages.written import Written
from pipeline.lake.tables.creation import create_table
from pipeline.lake.tables.iceberg import IcebergTables
from pipeline.lake.tables.outcomes import CommitOutcome
from tests.warm_lake import REGION, ROOT, WarmLake, warm_lake

JOB, TRANSFORM_JOB = "standard", "lake-transform-team-set"
BATCHES = "batches"
numbers = itertools.count(1)


@dataclass(frozen=True)
class Staged:
    """A staged file. `number` makes the order: the greater is the newer."""

    table: pa.Table
    number: int = 1
    row_group_size: int | None = None
    changed: bool = False
    """Whether it is replaced after the manifest was written."""
    file: str | None = None
    """The name of the raw file; else one of its own."""
    part: int | None = None
    """The number of a part of the version, whose order it has."""

    @property
    def object_id(self) -> str:
        part = f"~rows-{self.part}" if self.part else ""
        return f"raw/team/set/{self.file or f'file-{self.number}'}#v{self.number}{part}"

    @property
    def digest(self) -> str:
        path, _, version = self.object_id.partition("#")
        bucket, _, key = path.partition("/")
        return ObjectVersion(bucket, key, version).digest


@dataclass
class Loaded:
    """What one run of the job did: Glue's record of the run, and the batch's row."""

    run: dict[str, Any]
    batch: str
    write: Written | None


@dataclass
class Table:
    """A dataset with its table, whose batches go through the job."""

    lake: WarmLake
    dataset: Dataset
    name: str
    tables: IcebergTables
    records: BatchRecords
    batches: list[str] = field(default_factory=list)
    was_transformed: bool = False
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What manifests said of each object, by its id."""

    def transform(
        self, *staged: Staged, batch: str | None = None, after: Sequence[Staged] = (), job: str | None = None
    ) -> Loaded:
        """Run the job on a new batch of the staged files, or again on `batch`; `after` are loaded under their keys."""
        if batch is None:
            batch = str(ULID())
            self._seal(batch, staged, after)
        return self._run(batch, job)

    def load(self, *staged: Staged, after: Sequence[Staged] = ()) -> Loaded:
        """Transform and commit."""
        loaded = self.transform(*staged, after=after)
        assert loaded.write, loaded.run["ErrorMessage"]
        if loaded.write.snapshot is None:
            assert self.tables.mark_empty(self.name, loaded.batch, loaded.write.base) == CommitOutcome.COMMITTED
        else:
            write = loaded.write
            outcome = self.tables.commit(self.name, loaded.batch, write.branch, write.base, loaded.write.snapshot)
            assert outcome == CommitOutcome.COMMITTED
        return loaded

    def rows(self, snapshot: int | None = None, *columns: str) -> list[dict[str, Any]]:
        """The table's rows, of `main` or of a snapshot, sorted; without Sluice's own column unless asked for."""
        scan = self.tables.load(self.name).scan(snapshot_id=snapshot)
        found = scan.to_arrow().to_pylist()
        kept = [{k: v for k, v in row.items() if (k in columns if columns else k != "_sluice_order")} for row in found]
        return sorted(kept, key=lambda row: json.dumps(row, default=str, sort_keys=True))

    def quarantined(self, batch: str) -> list[dict[str, Any]]:
        prefix = f"team/set/_batches/{batch}/"
        keys = self.lake.s3.list_objects_v2(Bucket="quarantine", Prefix=prefix).get("Contents", [])
        bodies = (self.lake.s3.get_object(Bucket="quarantine", Key=key["Key"])["Body"].read() for key in keys)
        return [json.loads(line) for body in bodies for line in body.decode().splitlines()]

    def _seal(self, batch: str, staged: Sequence[Staged], after: Sequence[Staged]) -> None:
        objects = []
        for one in staged:
            buffer = io.BytesIO()
            pq.write_table(one.table, buffer, row_group_size=one.row_group_size, compression="zstd")
            key = f"team/set/{batch}/{one.number:030d}{one.part or 0:02d}-1.parquet"
            etag = self.lake.s3.put_object(Bucket="staging", Key=key, Body=buffer.getvalue())["ETag"].strip('"')
            path, _, version = one.object_id.partition("#")
            bucket, _, raw = path.partition("/")
            objects.append(
                {
                    "bucket": bucket,
                    "key": raw,
                    "version_id": version,
                    "order": f"{one.number:013d}|{'0' * 32}|{raw}|{version.partition('~')[0]}",
                    "staged": f"s3://staging/{key}",
                    "etag": "0" * 32 if one.changed else etag,
                    "rows": one.table.num_rows,
                }
            )
        document = {
            "batch": batch,
            "dataset": json.loads(self.dataset.to_json()),
            "table": self.name,
            "objects": objects,
            "loaded": [self.entries[one.object_id] for one in after],
            **({"was_transformed": True} if self.was_transformed else {}),
        }
        self.entries |= {one.object_id: entry for one, entry in zip(staged, objects, strict=True)}
        self.lake.put(f"_manifests/team/set/{batch}.json", json.dumps(document).encode(), "staging")
        row = {"dataset": "team/set", "item": f"BATCH#{batch}", "status": "SEALED", "candidates": [], "opened": "now"}
        self.lake.dynamodb.put_item(TableName=BATCHES, Item=encode(row))

    def _run(self, batch: str, job: str | None = None) -> Loaded:
        run = self.lake.run(
            job or (TRANSFORM_JOB if self.dataset.transform else JOB),
            manifest=f"s3://staging/_manifests/team/set/{batch}.json",
            table=self.name,
            batch_id=batch,
            dataset="team/set",
            batches_table=BATCHES,
            quarantine_bucket="quarantine",
        )
        if run["JobRunState"] == "SUCCEEDED" and self.dataset.transform:
            recorder = ResultRecorder(
                records=self.records, branches=self.tables, s3=self.lake.s3, staging_bucket="staging"
            )
            recorder.record("team/set", batch, self.name, run["Id"])
        found: Batch | None = self.records.get("team/set", batch)
        assert found
        return Loaded(run, batch, found.write)


@pytest.fixture(scope="session")
def lake() -> WarmLake:
    lake = warm_lake()
    for bucket in ("staging", "curated", "quarantine"):
        lake.make_bucket(bucket)
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("dataset", "item")]
    keys = [{"AttributeName": "dataset", "KeyType": "HASH"}, {"AttributeName": "item", "KeyType": "RANGE"}]
    lake.dynamodb.create_table(
        TableName=BATCHES, AttributeDefinitions=attributes, KeySchema=keys, BillingMode="PAY_PER_REQUEST"
    )
    script = (ROOT / "stages/stage_b/jobs/standard.py").read_text()
    for name in (JOB, TRANSFORM_JOB):
        lake.make_job(name, script, DefaultArguments={"--extra-py-files": lake.library()})
    return lake


MakeTable = Callable[..., Table]


@pytest.fixture
def make_table(lake: WarmLake) -> MakeTable:
    """`make_table({"id": "bigint"}, write="append")` is a new table of a dataset with these columns."""
    catalog = load_catalog(
        "glue",
        **{
            "type": "glue",
            "client.region": REGION,
            "client.access-key-id": lake.key.id,
            "client.secret-access-key": lake.key.secret,
            "glue.endpoint": lake.endpoint,
            "s3.endpoint": lake.endpoint,
        },
    )
    tables = IcebergTables(catalog)

    def make(columns: dict[str, str], transform: dict[str, Any] | None = None, **table: Any) -> Table:
        definition = {"team": "team", "dataset": "set", "stage_a": {"format": "json", "columns": columns}}
        dataset = Dataset.model_validate({**definition, "table": table, "transform": transform})
        name = f"lake_team.set_{next(numbers)}"
        # Where a job of the lake expects the table of that name.
        create_table(dataset, name, f"s3://curated/{name.removeprefix('lake_').replace('.', '/')}", tables)
        return Table(lake, dataset, name, tables, BatchRecords(lake.dynamodb, BATCHES))

    return make
