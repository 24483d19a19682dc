"""A lake on the embedded AWS for each test module: buckets, tables, queues and machines as the templates name them,
without functions and jobs. What they would do, the tests do with the library."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipeline.cli import commands
from pipeline.cli.app import app
from pipeline.core import settings
from pipeline.core.clients import client
from pipeline.core.events.s3 import ObjectCreated
from pipeline.core.objects import ObjectVersion
from pipeline.core.settings import Settings
from pipeline.emulator.gateway.server import AwsServer
from pipeline.lake.batches.records import RuleResult, Verdict
from pipeline.lake.batches.work import Work
from pipeline.lake.catalog import ObjectRow, Staging
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.messages.stage_a import StageAWork
from pipeline.lake.messages.written import Written
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.lake.tables.creation import create_table
from tests.conftest import load_template

REGION = "eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/machine"
BUCKETS = (Setting.RAW_BUCKET, Setting.STAGING_BUCKET, Setting.CURATED_BUCKET, Setting.QUARANTINE_BUCKET)
FAILURES = (Setting.MARK_STAGE_A_FAILED_FUNCTION, Setting.MARK_STAGE_B_FAILED_FUNCTION)
QUEUES = (
    Setting.RAW_QUEUE_URL,
    Setting.RAW_DEAD_LETTER_QUEUE_URL,
    Setting.MARK_STAGE_A_FAILED_DEAD_LETTER_QUEUE_URL,
    Setting.MARK_STAGE_B_FAILED_DEAD_LETTER_QUEUE_URL,
)
TABLES = {"ObjectsTable": Setting.OBJECTS_TABLE, "BatchesTable": Setting.BATCHES_TABLE}
MACHINES = {
    Setting.STAGE_A_MACHINE: {
        "StartAt": "Each",
        "States": {
            "Each": {
                "Type": "Map",
                "ItemsPath": "$.objects",
                "ResultPath": "$.results",
                "ItemProcessor": {
                    "StartAt": "Is it bad?",
                    "States": {
                        "Is it bad?": {
                            "Type": "Choice",
                            "Choices": [
                                {"Variable": "$.key", "StringEquals": "bad", "Next": "Read a table"},
                                {"Variable": "$.key", "StringEquals": "to transform", "Next": "Transform"},
                            ],
                            "Default": "Fine",
                        },
                        "Fine": {"Type": "Pass", "End": True},
                        "Transform": {
                            "Type": "Task",
                            "Resource": "arn:aws:states:::lambda:invoke",
                            "Parameters": {"FunctionName": "transform", "Payload.$": "$"},
                            "End": True,
                        },
                        "Read a table": {
                            "Type": "Task",
                            "Resource": "arn:aws:states:::dynamodb:getItem",
                            "Parameters": {"TableName": "NoSuchTable", "Key": {"k": {"S": "1"}}},
                            "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}],
                            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Record"}],
                            "End": True,
                        },
                        "Record": {"Type": "Pass", "End": True},
                    },
                },
                "Next": "Is it wanted?",
            },
            "Is it wanted?": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.dataset", "StringEquals": "unwanted", "Next": "Refuse"}],
                "Default": "Complete",
            },
            "Refuse": {"Type": "Fail", "Error": "Unwanted", "Cause": "nobody [wants] it"},
            "Complete": {"Type": "Pass", "End": True},
        },
    },
    Setting.STAGE_B_MACHINE: {"StartAt": "Load", "States": {"Load": {"Type": "Pass", "End": True}}},
}

ORDERS = {
    "team": "shop",
    "dataset": "orders",
    "stage_a": {"format": "csv", "columns": {"id": "bigint", "price": "decimal(10,2)", "at": "timestamp"}},
    "quality": {"ruleset": 'Rules = [ IsComplete "id" ]'},
}


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsServer]:
    before = dict(os.environ)
    client.cache_clear()
    running = AwsServer(0, tmp_path_factory.mktemp("front"))
    running.start()
    settings.use(endpoint=running.endpoint, region=REGION)
    yield running
    running.stop()
    client.cache_clear()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def lake(front: AwsServer) -> Lake:
    """An empty lake named `local`."""
    values = {setting: f"lake-{setting.value}" for setting in BUCKETS}
    for bucket in values.values():
        client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    client("s3").put_bucket_versioning(Bucket=values[Setting.RAW_BUCKET], VersioningConfiguration={"Status": "Enabled"})
    values |= {setting: _table(logical, setting) for logical, setting in TABLES.items()}
    values[Setting.DATASETS_TABLE] = _table("DatasetsTable", Setting.DATASETS_TABLE)
    for setting in QUEUES:
        values[setting] = queue(setting.value)
    for setting, definition in MACHINES.items():
        made = client("stepfunctions").create_state_machine(
            name=setting.value, definition=json.dumps(definition), roleArn=ROLE
        )
        values[setting] = made["stateMachineArn"]
    values[Setting.TEAM_TOPICS] = client("sns").create_topic(Name="team-shop")["TopicArn"].removesuffix("shop")
    values[Setting.UPDATES_TOPIC] = client("sns").create_topic(Name="updates")["TopicArn"]
    values |= {
        Setting.STANDARD_JOB: "sluice-local-standard",
        Setting.QUALITY_JOB: "sluice-local-quality",
        Setting.UPKEEP_JOB: "sluice-local-upkeep",
        Setting.POLL_FUNCTION: "poll",
        **{function: function.value for function in FAILURES},
        Setting.DATABASE_PREFIX: "sluice_local_",
    }
    known = {**values, **published(values)}
    for name, value in known.items():
        client("ssm").put_parameter(Name=f"/sluice/local/{name}", Value=value, Type="String")
    return Lake(Settings(known, "the test"))


def published(values: Mapping[Setting, str]) -> dict[str, str]:
    """What the stacks publish of the parts whose names are `values`."""
    found = {f"functions/{name}": name for name in ("route", "transform", "poll")}
    found["queues/raw"] = values[Setting.RAW_QUEUE_URL]
    raw = {"url": values[Setting.RAW_DEAD_LETTER_QUEUE_URL], "function": "route", "queue": "raw"}
    found["dead-letters/raw"] = json.dumps(raw)
    for job in (Setting.STANDARD_JOB, Setting.QUALITY_JOB, Setting.UPKEEP_JOB):
        found[f"jobs/{job.value.removesuffix('-job')}"] = values[job]
    for stage in ("a", "b"):
        marking = f"mark-stage-{stage}-failed"
        machine = {"arn": values[Setting(f"stage-{stage}-machine")], "on_failure": marking}
        dead = {"url": values[Setting(f"{marking}-dead-letter-queue-url")], "function": marking}
        found[f"machines/stage-{stage}"] = json.dumps(machine)
        found[f"functions/{marking}"] = values[Setting(f"{marking}-function")]
        found[f"dead-letters/stage-{stage}-failures"] = json.dumps(dead)
    return found


def _table(logical: str, setting: Setting) -> str:
    properties = load_template("catalog.yaml")["Resources"][logical]["Properties"]
    wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
    client("dynamodb").create_table(TableName=setting.value, **{k: v for k, v in properties.items() if k in wanted})
    return setting.value


def queue(name: str) -> str:
    url: str = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    return url


Sluice = Callable[..., Result]


@pytest.fixture
def sluice(front: AwsServer) -> Sluice:
    """`sluice("status", "--json")` runs the command against the module's lake."""
    commands_there = (
        "status",
        "find",
        "why",
        "executions",
        "logs",
        "query",
        "diff",
        "redrive",
        "drop",
        "quality",
        "schedules",
    )
    for name in commands_there:
        commands.importlib.import_module(f"pipeline.cli.{name}")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["--endpoint", front.endpoint, *arguments])

    return run


@dataclass
class Actor:
    """Does to a lake what its functions and jobs do, on a dataset that it registers."""

    lake: Lake
    definition: dict[str, Any]
    clock_ms: int = 1_700_000_000_000

    def __post_init__(self) -> None:
        dataset = Dataset.from_stored(self.definition)
        self.name = str(dataset.name)
        database = f"sluice_local_{dataset.team}"
        registration = Registration.of(
            dataset,
            queue(f"{dataset.team}-{dataset.dataset}"),
            queue(f"{dataset.team}-{dataset.dataset}-dead"),
            f"{database}.{dataset.dataset}",
        )
        self.lake.registry.put(registration)
        glue = client("glue")
        if database not in {d["Name"] for d in glue.get_databases()["DatabaseList"]}:
            glue.create_database(DatabaseInput={"Name": database})
        curated = self.lake.settings[Setting.CURATED_BUCKET]
        create_table(dataset, registration.table, f"s3://{curated}/{self.name}", self.lake.tables)
        self.work = Work(dataset, registration.table)
        self.registration = registration

    def drop(self, file: str, body: bytes = b"id\n1\n") -> ObjectVersion:
        """Put a file into the raw bucket; its event is not handled."""
        bucket, key = self.lake.settings[Setting.RAW_BUCKET], f"{self.name}/{file}"
        version = client("s3").put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]
        return ObjectVersion(bucket, key, version)

    def register(self, obj: ObjectVersion) -> ObjectVersion:
        self.clock_ms += 1000
        event = ObjectCreated(obj, 5, obj.digest, self.clock_ms, f"{self.clock_ms:X}")
        self.lake.catalog.register(event, self.work.dataset.name)
        return obj

    def stage(
        self, file: str, *, bad: list[dict[str, Any]] | None = None, content: str | None = None, **facts: Any
    ) -> ObjectVersion:
        """Drop, register and stage a file of ten rows, `bad` of them set aside. Equal `content` is a repetition."""
        obj = self.register(self.drop(file))
        rows_bad = len(bad or [])
        if bad:
            bucket = self.lake.settings[Setting.QUARANTINE_BUCKET]
            body = "".join(json.dumps(row) + "\n" for row in bad).encode()
            client("s3").put_object(Bucket=bucket, Key=f"{obj.digest}.jsonl", Body=body)
            facts["bad_rows_uri"] = f"s3://{bucket}/{obj.digest}.jsonl"
        staging = self.lake.settings[Setting.STAGING_BUCKET]
        client("s3").put_object(Bucket=staging, Key=f"{obj.digest}.parquet", Body=b"")
        facts |= {
            "rows_in": 10,
            "rows_out": 10 - rows_bad,
            "rows_bad": rows_bad,
            "staged": f"s3://{staging}/{obj.digest}.parquet",
            "staged_etag": "e",
        }
        once = self.work.dataset.table.write == "append"
        work = StageAWork(obj, 1, self.clock_ms)
        self.lake.catalog.stage(Staging(work, content or obj.digest, once, facts), self.name)
        return obj

    def open(self, *objects: ObjectVersion) -> str:
        batch = self.lake.poller.reopen(self.work, objects, None)
        assert batch
        return batch

    def write(
        self,
        batch: str,
        rows: pa.Table,
        outcome: str = "PASSED",
        *,
        found: Mapping[str, Mapping[str, int]] | None = None,
        replaces: str | None = None,
        metrics: Mapping[str, float] | None = None,
        **rule: str | None,
    ) -> None:
        """Write `rows` to the batch's branch, and the verdict on them; `found` is what `Written` says by object.

        `replaces` is a filter of PyIceberg's: the rows take the place of those. `metrics` are what rules measured.
        """
        table = self.lake.finisher.tables.load(self.work.table)
        base = table.metadata.refs["main"].snapshot_id
        branch = f"b_{batch}_run"
        table.manage_snapshots().create_branch(base, branch).commit()
        table = self.lake.finisher.tables.load(self.work.table)
        fitting = rows.cast(table.schema().as_arrow())
        if replaces:
            table.overwrite(fitting, replaces, branch=branch)
        else:
            table.append(fitting, branch=branch)
        snapshot = self.lake.finisher.tables.load(self.work.table).metadata.refs[branch].snapshot_id
        self.lake.batches.wrote(self.name, batch, Written("run", branch, base, snapshot, len(rows), 1, **(found or {})))
        passed = "Passed" if outcome == "PASSED" else "Failed"
        rules = (RuleResult("RowCount > 0", "Passed"), RuleResult('IsComplete "id"', passed, rule.get("reason")))
        measured = metrics or {"RowCount": float(len(rows)), 'Completeness "id"': 1.0 if passed == "Passed" else 0.5}
        self.lake.batches.judged(self.name, batch, Verdict(snapshot, outcome, rules, metrics=measured))

    def commit(self, batch: str) -> None:
        self.lake.finisher.commit(self.name, batch, self.work.table)

    def row(self, obj: ObjectVersion) -> ObjectRow:
        found = self.lake.catalog.get(obj)
        assert found
        return found


@pytest.fixture(scope="module")
def orders(lake: Lake) -> Actor:
    return Actor(lake, ORDERS)
