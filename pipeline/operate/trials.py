"""Tries an edited definition over the last raw objects of its dataset: real conversion, jobs and rules, on a scratch
table that is removed again. Nothing is registered, and no reader sees anything."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pipeline.core.clients import client
from pipeline.core.clock import iso
from pipeline.core.dynamo import encode
from pipeline.core.errors import BadObject, NotThere, Refused
from pipeline.lake.batches.manifest import manifest_body
from pipeline.lake.batches.records import BatchStatus, batch_item
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.files.conversion import convert
from pipeline.lake.messages.manifest import Manifest, StagedObject
from pipeline.lake.messages.written import Written
from pipeline.lake.settings import Setting
from pipeline.lake.tables import scratch
from pipeline.lake.transforms.code import TransformFailed
from pipeline.operate.objects import listed
from pipeline.operate.trial_reports import Trial, Tried, published_table, row_differences, schema_changes
from pipeline.operate.trial_transforms import ReadFile, Transformed, transformed

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pipeline.lake.datasets.model import Dataset
    from pipeline.lake.services import Lake

RECORDS = scratch.FOLDER
"""Stands for the dataset in the row of a trial's batch: no dataset's batches are listed with it."""

COMPARED_ROWS = 2_000_000
"""Of more, only counts are compared: rows are compared in memory."""
POLL_S = 1.0
_KEPT_BAD_ROWS = 10_000
_UNREADABLE = frozenset({Status.DELETE_MARKER, Status.GONE})
_ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR"})


def chosen_objects(lake: Lake, dataset: Dataset, count: int) -> list[ObjectRow]:
    """The newest version of each of the last `count` keys of a dataset, or of what waits for it to be registered.

    `NotThere` if there are none.
    """
    start = dataset.stage_b.by_delivery
    for status in (None, Status.UNROUTED):
        rows, _ = listed(lake, dataset.name, status, 10 * count)
        newest: dict[str, ObjectRow] = {}
        for row in sorted(rows, key=lambda row: row.order, reverse=True):
            is_data = not row.control and not row.object.is_part and not (start and start.control_of(row.object.key))
            if row.status not in _UNREADABLE and is_data:
                newest.setdefault(row.object.key, row)
        if newest:
            return list(newest.values())[:count]
    raise NotThere(f"no raw object of {dataset.name} is there to try it on", hint="Drop a file first: `sluice drop`.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """Tries definitions on one lake. `say` hears what is done; `new_id` makes ULIDs; `session` is a Spark of this
    process, for transforms."""

    lake: Lake
    say: Callable[[str], None]
    new_id: Callable[[], str]
    session: Callable[[], AbstractContextManager[SparkSession]]
    sleep: Callable[[float], None] = time.sleep

    def run(self, dataset: Dataset, rows: Sequence[ObjectRow]) -> Trial:
        """Try a definition on these objects. Whatever becomes of it, what it wrote is removed."""
        # Rows and verdict are those of any format, and a scratch table is an Iceberg one.
        as_iceberg = {"format": "iceberg", "crawler": False}
        dataset = dataset.model_copy(update={"table": dataset.table.model_copy(update=as_iceberg)})
        lake, trial = self.lake, self.new_id()
        database = f"{lake.settings[Setting.DATABASE_PREFIX]}{dataset.team}"
        glue, s3, curated = client("glue"), client("s3"), lake.settings[Setting.CURATED_BUCKET]
        table = scratch.scratch_table(database, trial)
        try:
            with TemporaryDirectory(prefix="try-") as folder:
                report, read = self._convert(dataset, rows, Path(folder))
                if not any(each.rows for each in read):
                    return report
                try:
                    loaded = self._transformed(dataset, read, Path(folder))
                except TransformFailed as error:
                    return replace(report, failed=f"the transform failed: {error.message}. {error.hint or ''}".strip())
                if not any(each.rows for each in loaded.files):
                    return replace(report, written=(0, 0))
                staged = [self._stage(each, trial, number) for number, each in enumerate(loaded.files)]
            self._make(loaded.dataset, table, trial)
            return self._load(report, loaded.dataset, table, trial, staged)
        finally:
            self.say("removing what the trial wrote")
            scratch.remove_table(glue, s3, table, curated, trial)
            self._remove_rest(trial)
            scratch.remove_abandoned(glue, s3, database, lake.clock())

    def _transformed(self, dataset: Dataset, read: Sequence[ReadFile], folder: Path) -> Transformed:
        """What is loaded: rows as they were read, or what the transform makes of them."""
        if dataset.transform is None:
            return Transformed(dataset, tuple(read))
        self.say(f"running {dataset.transform.file}")
        with self.session() as spark:
            made = transformed(self.lake, spark, dataset, [each for each in read if each.rows], folder)
        self.say(f"it made {sum(each.rows for each in made.files):,} of {sum(each.rows for each in read):,} rows")
        return made

    def _convert(self, dataset: Dataset, rows: Sequence[ObjectRow], folder: Path) -> tuple[Trial, list[ReadFile]]:
        tried, read, reasons = [], [], Counter[str]()
        for number, row in enumerate(rows):
            self.say(f"reading {row.object.uri}")
            parquet, bad_rows = Path(folder, f"{number}.parquet"), Path(folder, f"{number}.jsonl")
            try:
                done = _converted(dataset, row, parquet, bad_rows)
            except BadObject as error:
                tried.append(Tried(row.object.uri, row.good, row.rows_bad and row.bad, refused=str(error)))
                continue
            reasons.update(_reasons(bad_rows))
            tried.append(Tried(row.object.uri, row.good, None if row.rows_bad is None else row.bad, *done))
            read.append(ReadFile(row, parquet, done[1]))
        return Trial(str(dataset.name), tuple(tried), tuple(reasons.most_common())), read

    def _stage(self, file: ReadFile, trial: str, number: int) -> StagedObject:
        bucket, key = self.lake.settings[Setting.STAGING_BUCKET], f"{scratch.FOLDER}/{trial}/{number}.parquet"
        with file.parquet.open("rb") as body:
            etag = client("s3").put_object(Bucket=bucket, Key=key, Body=body)["ETag"].strip('"')
        return StagedObject(file.row.object, file.row.order, f"s3://{bucket}/{key}", etag, file.rows)

    def _make(self, dataset: Dataset, table: str, trial: str) -> None:
        from pipeline.lake.tables.creation import create_database, create_table

        self.say("making a scratch table")
        create_database(table.partition(".")[0], client("glue"))
        create_table(
            dataset,
            table,
            f"s3://{self.lake.settings[Setting.CURATED_BUCKET]}/{scratch.FOLDER}/{trial}/t",
            self.lake.tables,
        )

    def _load(self, report: Trial, dataset: Dataset, table: str, trial: str, staged: Sequence[StagedObject]) -> Trial:
        settings = self.lake.settings
        body = manifest_body(Manifest(trial, json.loads(dataset.to_json()), table, tuple(staged)))
        key = f"_manifests/{scratch.FOLDER}/{trial}.json"
        client("s3").put_object(Bucket=settings[Setting.STAGING_BUCKET], Key=key, Body=body)
        self._open(trial)
        arguments = {
            "--manifest": f"s3://{settings[Setting.STAGING_BUCKET]}/{key}",
            "--table": table,
            "--batch_id": trial,
            "--dataset": RECORDS,
            "--batches_table": settings[Setting.BATCHES_TABLE],
            "--quarantine_bucket": settings[Setting.QUARANTINE_BUCKET],
        }
        if failed := self._job(settings[Setting.STANDARD_JOB], arguments):
            return replace(report, failed=f"the rows could not be loaded: {failed}")
        batch = self.lake.batches.get(RECORDS, trial)
        written = batch.write if batch else None
        report = self._compared(replace(report, written=_counts(written)), dataset, table, written, staged)
        if dataset.quality is None or written is None or written.snapshot is None:
            return report
        if failed := self._job(settings[Setting.QUALITY_JOB], arguments):
            return replace(report, failed=f"the rules could not be checked: {failed}")
        batch = self.lake.batches.get(RECORDS, trial)
        return replace(report, verdict=batch.verdict if batch else None)

    def _compared(
        self, report: Trial, dataset: Dataset, table: str, written: Written | None, staged: Sequence[StagedObject]
    ) -> Trial:
        published = published_table(self.lake, dataset)
        if published is None:
            return report
        self.say("comparing with the table as it is")
        tried = self.lake.tables.catalog.load_table(table)
        report = replace(report, schema=schema_changes(published, tried))
        if written is None or written.snapshot is None or written.rows > COMPARED_ROWS:
            return report
        orders = [each.order for each in staged]
        return replace(report, rows=row_differences(published, tried, written.snapshot, orders))

    def _open(self, trial: str) -> None:
        now = self.lake.clock()
        row = {
            "dataset": RECORDS,
            "item": batch_item(trial),
            "status": BatchStatus.SEALED.value,
            "candidates": [],
            "opened": iso(now),
            "history": [[BatchStatus.SEALED.value, iso(now)]],
            # DynamoDB removes what a killed trial leaves.
            "expires": int((now + scratch.ABANDONED_AFTER).timestamp()),
        }
        client("dynamodb").put_item(TableName=self.lake.settings[Setting.BATCHES_TABLE], Item=encode(row))

    def _job(self, name: str, arguments: dict[str, str]) -> str | None:
        """Run a job to its end; what went wrong, None if nothing did."""
        glue = client("glue")
        self.say(f"running the job {name}")
        run = glue.start_job_run(JobName=name, Arguments=arguments)["JobRunId"]
        try:
            while (found := glue.get_job_run(JobName=name, RunId=run)["JobRun"])["JobRunState"] not in _ENDED:
                self.sleep(POLL_S)
        except KeyboardInterrupt:
            glue.batch_stop_job_run(JobName=name, JobRunIds=[run])
            raise
        if found["JobRunState"] == "SUCCEEDED":
            return None
        return found.get("ErrorMessage") or f"it {found['JobRunState']}"

    def _remove_rest(self, trial: str) -> None:
        s3, settings = client("s3"), self.lake.settings
        staging, quarantine = settings[Setting.STAGING_BUCKET], settings[Setting.QUARANTINE_BUCKET]
        places = (
            (staging, f"{scratch.FOLDER}/{trial}/"),
            (staging, f"_manifests/{scratch.FOLDER}/{trial}.json"),
            (staging, f"_gathered/{scratch.FOLDER}/{trial}/"),
            (quarantine, f"{scratch.FOLDER}/_batches/{trial}"),
            (quarantine, f"_quality/{scratch.FOLDER}/{trial}."),
        )
        for bucket, prefix in places:
            scratch.remove_files(s3, bucket, prefix)
        key = encode({"dataset": RECORDS, "item": batch_item(trial)})
        client("dynamodb").delete_item(TableName=settings[Setting.BATCHES_TABLE], Key=key)


def _converted(dataset: Dataset, row: ObjectRow, parquet: Path, bad_rows: Path) -> tuple[int, int, int]:
    """Read an object as Stage A would; rows in, out and bad. `BadObject` if it were quarantined."""
    obj = row.object
    given = {"Bucket": obj.bucket, "Key": obj.key, "VersionId": obj.version_id}
    try:
        with closing(client("s3").get_object(**given)["Body"]) as body:
            done = convert(
                body,
                file_name=obj.file_name,
                settings=dataset.stage_a,
                contract=dataset.contract,
                parquet=parquet,
                bad_rows=bad_rows,
                metadata={"sluice.source": obj.uri, "sluice.version": obj.version_id, "sluice.file": obj.file_name},
                again=lambda: client("s3").get_object(**given)["Body"],
            )
    except client("s3").exceptions.NoSuchKey:
        raise Refused(f"{obj.uri} version {obj.version_id} is not there any more", hint="Try it again.") from None
    return done.rows_in, done.rows_out, done.rows_bad


def _reasons(bad_rows: Path) -> Counter[str]:
    """How many of the first bad rows have each reason."""
    with bad_rows.open(encoding="utf-8") as lines:
        return Counter(json.loads(line)["reason"] for line, _ in zip(lines, range(_KEPT_BAD_ROWS), strict=False))


def _counts(written: Written | None) -> tuple[int, int] | None:
    return (written.rows, written.bad_rows) if written else None
