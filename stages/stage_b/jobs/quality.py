"""Glue job: check the quality of what a batch wrote, and record the verdict on the batch's row."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from pipeline.core.clients import client
from pipeline.core.errors import BadDefinition, Refused
from pipeline.core.telemetry.logs import log_as_job, log_context
from pipeline.lake.batches.metrics import history_of
from pipeline.lake.batches.records import BatchRecords, Verdict
from pipeline.lake.datasets import Dataset, Quality
from pipeline.lake.messages.manifest import Manifest
from pipeline.lake.messages.written import Written
from pipeline.lake.quality.dqdl import parse
from pipeline.lake.quality.dynamic_rules import Resolved, expressions_of, resolve
from pipeline.lake.quality.expressions import ExpressionError, looks_back
from pipeline.lake.quality.model import DqdlError, plain_rules
from pipeline.lake.quality.references import raw_columns
from pipeline.lake.quality.scope import without_reference
from stages.stage_b.jobs.batch_manifest import read_manifest
from stages.stage_b.jobs.evaluation import Finding, as_written, evaluate, failing_rows, metrics_of, verdict, visible
from stages.stage_b.jobs.failure import told_apart
from stages.stage_b.jobs.own_files import home_in
from stages.stage_b.jobs.parquet_files import table_rows, written_rows
from stages.stage_b.jobs.raw_rows import raw_rows
from stages.stage_b.jobs.snapshots import added_rows, whole_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Glue runs this file as __main__, which is no name to log by.
log = logging.getLogger("stages.stage_b.jobs.quality")

ARGUMENTS = ("manifest", "table", "batch_id", "dataset", "batches_table", "quarantine_bucket")


def check(spark: SparkSession, arguments: Mapping[str, str], records: BatchRecords, s3: Any) -> Verdict:
    """Evaluate the dataset's ruleset on the batch's snapshot, keep the results, record the verdict and return it.

    `OutsideTable` for a table whose metadata names files of others.
    """
    name, batch_id = arguments["dataset"], arguments["batch_id"]
    manifest = read_manifest(s3, arguments["manifest"], name)
    dataset = Dataset.from_stored(dict(manifest.definition))
    batch = records.get(name, batch_id)
    if dataset.quality is None or batch is None or batch.write is None or batch.write.snapshot is None:
        raise Refused(
            f"batch {batch_id} of {name} has nothing to check: no ruleset, or no rows written",
            hint="Such a batch skips the quality gate.",
        )
    snapshot, quality = batch.write.snapshot, dataset.quality
    frame = visible(_rows(spark, manifest, dataset, batch.write, arguments["table"]))
    if quality.scope == "batch":
        # Most kinds of rules read all rows once more. A whole table may be larger than the job's disks.
        frame = frame.persist()
    resolved = _resolved(quality, records, name, batch_id)
    columns = raw_columns(resolved.text)
    raw = None if columns is None else raw_rows(spark, s3, manifest, batch.staged_bad_rows, columns)
    evaluated = evaluate(spark, frame, resolved.text, raw)
    sample = failing_rows(spark, frame, resolved.text, evaluated[: len(resolved.rules)])
    findings = as_written(resolved, evaluated)
    sample = _named_as_written(sample, resolved)
    judged = verdict(batch, snapshot, quality, findings, metrics_of(resolved, evaluated))
    judged = _keep(s3, arguments["quarantine_bucket"], f"_quality/{name}/{batch_id}", judged, findings, sample)
    records.judged(name, batch_id, judged)
    return judged


def _rows(spark: SparkSession, manifest: Manifest, dataset: Dataset, write: Written, table: str) -> DataFrame:
    """The rows that the rules are about."""
    assert dataset.quality
    assert write.snapshot is not None
    is_of_batch = dataset.quality.scope == "batch"
    if dataset.table.format == "parquet":
        if is_of_batch:
            return written_rows(spark, table, write.branch)
        return table_rows(spark, table, write.branch, dataset.table.partition_by)
    home = home_in(spark, dataset.team, table)
    if is_of_batch:
        return added_rows(spark, table, write.snapshot, home)
    return whole_table(spark, table, write.snapshot, home, is_untrusted=manifest.was_transformed)


def _resolved(quality: Quality, records: BatchRecords, dataset: str, batch: str) -> Resolved:
    """The ruleset with what its rules compare with computed, from the batches before this one.

    `BadDefinition` if that cannot be done.
    """
    if astray := [str(problem) for problem in without_reference(quality.ruleset, quality.scope)]:
        raise BadDefinition("the ruleset cannot be evaluated: " + "; ".join(astray))
    try:
        rules = [plain for rule in parse(quality.ruleset).rules for plain in plain_rules(rule)]
        remembers = any(looks_back(expression) for rule in rules for _, expression in expressions_of(rule))
        earlier = records.measured(dataset, before=batch) if remembers else []
        return resolve(quality.ruleset, history_of(earlier, quality.scope))
    except (DqdlError, ExpressionError) as error:
        raise BadDefinition(f"the ruleset cannot be evaluated: {error}") from None


def _named_as_written(sample: Sequence[Mapping[str, Any]], resolved: Resolved) -> list[dict[str, Any]]:
    written = {rule.evaluated: rule.written for rule in resolved.rules}
    return [{**row, "rules": [written.get(rule, rule) for rule in row["rules"]]} for row in sample]


def _keep(
    s3: Any,
    bucket: str,
    prefix: str,
    judged: Verdict,
    findings: Sequence[Finding],
    sample: Sequence[Mapping[str, Any]],
) -> Verdict:
    """Write the whole report and the sample beside it; the verdict then says where the sample is.

    Names follow from the batch, so that a run after a rebase replaces what the one before it found.
    """
    if sample:
        lines = (f'{{"rules": {json.dumps(row["rules"])}, "row": {row["row"]}}}\n' for row in sample)
        s3.put_object(Bucket=bucket, Key=f"{prefix}.jsonl", Body="".join(lines).encode())
        judged = replace(judged, sample_uri=f"s3://{bucket}/{prefix}.jsonl")
    report = {
        "snapshot": str(judged.snapshot),
        "outcome": judged.outcome,
        "released_by": judged.released_by,
        "sample": judged.sample_uri,
        "rules": [asdict(finding) for finding in findings],
    }
    s3.put_object(Bucket=bucket, Key=f"{prefix}.json", Body=json.dumps(report, indent=1).encode())
    return judged


def main() -> None:
    """The Glue job: judges what a batch wrote and records the verdict."""
    from awsglue.utils import getResolvedOptions
    from pyspark.sql import SparkSession

    arguments = getResolvedOptions(sys.argv, list(ARGUMENTS))
    log_as_job("stage_b.quality")
    records = BatchRecords(client("dynamodb"), arguments["batches_table"])
    keys = {"correlation_id": arguments["batch_id"], "dataset": arguments["dataset"], "run": arguments["JOB_RUN_ID"]}
    with log_context(**keys), told_apart():
        spark = SparkSession.builder.getOrCreate()
        try:
            judged = check(spark, arguments, records, client("s3"))
        finally:
            spark.stop()
        passed = sum(rule.outcome == "Passed" for rule in judged.rules)
        facts = {"outcome": judged.outcome, "rules": len(judged.rules), "passed": passed}
        log.info("batch judged", extra={**facts, "snapshot": str(judged.snapshot)})


if __name__ == "__main__":
    main()
