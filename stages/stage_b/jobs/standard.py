"""Glue job: load a batch's staged files onto a branch of its table, and record, or hand over, what was written."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipeline.core.clients import client
from pipeline.core.errors import Refused
from pipeline.core.objects import set_aside_folder
from pipeline.core.telemetry.logs import log_as_job, log_context
from pipeline.lake.batches.records import BatchRecords
from pipeline.lake.messages.written import Written, result_key
from pipeline.lake.transforms.code import Code
from stages.stage_b.jobs.batch_manifest import inspect_loaded, inspect_staged, parts, read_manifest
from stages.stage_b.jobs.branch_writes import Job, write_batch
from stages.stage_b.jobs.failure import told_apart
from stages.stage_b.jobs.own_files import home_in
from stages.stage_b.jobs.small_files import FOLDER, gathered
from stages.stage_b.jobs.transformed_batch import write_transformed

# Glue runs this file as __main__, which is no name to log by.
log = logging.getLogger("stages.stage_b.jobs.standard")

ARGUMENTS = ("JOB_NAME", "manifest", "table", "batch_id", "dataset", "batches_table", "quarantine_bucket")


def hold_to_own_job(job: str, dataset: str) -> None:
    """Refuse to run a team's code in another job than its dataset's own: others have rights on every team's tables."""
    if not job.endswith(f"-transform-{dataset.replace('/', '-')}"):
        raise Refused(
            f"the transform of {dataset} runs in the job of that dataset alone, under its role, and this is {job}",
            hint=f"`sluice test {dataset}` runs it on samples.",
        )


def load(arguments: Mapping[str, str], records: BatchRecords, s3: Any) -> Written:
    """Do what the arguments say, and Glue's JOB_RUN_ID. When this returns, the batch's row has the facts; those of a
    team's transform wait for a function of the lake."""
    from pyspark.sql import SparkSession

    dataset, batch, run = arguments["dataset"], arguments["batch_id"], arguments["JOB_RUN_ID"]
    manifest = read_manifest(s3, arguments["manifest"], dataset)
    with ThreadPoolExecutor(1) as pool:
        # Looking at the files goes on while Spark starts.
        inspecting = pool.submit(inspect_staged, s3, manifest)
        inspecting_loaded = pool.submit(inspect_loaded, s3, manifest)
        spark = SparkSession.builder.getOrCreate()
        try:
            bucket, _ = parts(arguments["manifest"])
            folder = f"s3://{bucket}/{FOLDER}/{dataset}/{batch}/{run}"
            files = gathered(s3, inspecting.result(), folder)
            loaded = gathered(s3, inspecting_loaded.result(), f"{folder}/loaded")
            quarantine = set_aside_folder(arguments["quarantine_bucket"], dataset, batch, run)
            home = home_in(spark, manifest.definition["team"], arguments["table"])
            job, code = Job(manifest, run, arguments["table"], quarantine, home), Code.of(manifest.definition)
            if code:
                hold_to_own_job(arguments["JOB_NAME"], dataset)
                written = write_transformed(spark, job, code, files, loaded)
            else:
                written = write_batch(spark, job, files, loaded)
        finally:
            spark.stop()
    if code:
        hand_over(s3, bucket, dataset, batch, written)
    else:
        records.wrote(dataset, batch, written)
    return written


def hand_over(s3: Any, bucket: str, dataset: str, batch: str, written: Written) -> None:
    """Leave what was written where a function of the lake reads it: the team's code has this run's rights, which
    therefore are none on the batches' rows (PROTOCOL, Stage B 2)."""
    body = json.dumps(written.to_json()).encode()
    s3.put_object(Bucket=bucket, Key=result_key(dataset, batch, written.run), Body=body)


def main() -> None:
    """The Glue job: loads a batch to a branch and records what it wrote."""
    from awsglue.utils import getResolvedOptions

    arguments = getResolvedOptions(sys.argv, list(ARGUMENTS))
    log_as_job("stage_b.standard")
    keys = {"correlation_id": arguments["batch_id"], "dataset": arguments["dataset"], "run": arguments["JOB_RUN_ID"]}
    with log_context(**keys), told_apart():
        written = load(arguments, BatchRecords(client("dynamodb"), arguments["batches_table"]), client("s3"))
        facts = {"rows": written.rows, "bad_rows": written.bad_rows, "branch": written.branch}
        log.info("batch written", extra={**facts, "snapshot": str(written.snapshot)})


if __name__ == "__main__":
    main()
