from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from pipeline.core.clients import client
from pipeline.core.clock import parse_iso
from pipeline.core.events.s3 import ObjectCreated
from pipeline.core.executions import Executions
from pipeline.core.objects import ObjectVersion
from pipeline.lake.batches.poller import Poller
from pipeline.lake.batches.records import BatchRecords
from pipeline.lake.batches.seal import Sealer
from pipeline.lake.batches.staged_queue import StagedQueue
from pipeline.lake.batches.upkeep import Turns
from pipeline.lake.batches.upkeep_poller import UpkeepPoller
from pipeline.lake.batches.work import Work
from pipeline.lake.catalog import Catalog, Staging
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.model import Batching
from pipeline.lake.manifested.deliveries import Deliveries
from pipeline.lake.messages.poll_order import PollOrder
from pipeline.lake.messages.stage_a import StageAWork

DATASET = Dataset.model_validate({"team": "shop", "dataset": "orders", "stage_a": {"format": "csv"}})
TABLE = "sluice_test_shop.orders"


class Crash(Exception):
    """The process died here."""


@dataclass
class Finisher:
    """Notes which batches the poller has it fail: there are no tables here (`test_completion` has the real one)."""

    failed: list[tuple[str, str, str]]

    def fail(self, dataset: str, batch: str, table: str, reason: str) -> None:
        assert table == TABLE
        self.failed.append((dataset, batch, reason))


@dataclass
class Shop:
    """One dataset on moto, with real tables, a real queue and a real state machine (which is never run)."""

    catalog: Catalog
    records: BatchRecords
    poller: Poller
    queue_url: str
    machine: str
    now: list[Any]
    turns: Turns
    abandoned: list[tuple[str, str, str]] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)
    sent_again: list[Any] = field(default_factory=list)
    versions: Any = field(default_factory=itertools.count)

    def order(self, **settings: Any) -> PollOrder:
        return PollOrder("shop/orders", self.queue_url, Batching.model_validate(settings))

    def stage(self, name: str, *, message: bool = True, **more: Any) -> ObjectVersion:
        obj = ObjectVersion("raw", f"shop/orders/{name}", f"v{next(self.versions)}")
        self.catalog.register(ObjectCreated(obj, 1, "", 1000, "0A"), DATASET.name)
        facts = {"staged": f"s3://staging/{obj.digest}", "staged_etag": "e", "rows_out": 1, **more}
        staging = Staging(StageAWork(obj, 1, 1000), obj.digest, True, facts)
        assert self.catalog.stage(staging, "shop/orders") is None
        if message:
            self.send(obj)
        return obj

    def send(self, obj: ObjectVersion) -> None:
        body = {"bucket": obj.bucket, "key": obj.key, "version_id": obj.version_id}
        client("sqs").send_message(QueueUrl=self.queue_url, MessageBody=json.dumps(body))

    def messages(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = client("sqs").get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)["Attributes"]
        return sum(int(n) for n in found.values())

    def executions(self) -> list[str]:
        found = client("stepfunctions").list_executions(stateMachineArn=self.machine)["executions"]
        return [e["name"] for e in found]

    def manifest(self, batch: str) -> list[str]:
        return [o["key"].rpartition("/")[2] for o in self.document(batch)["objects"]]

    def document(self, batch: str) -> dict[str, Any]:
        """The batch's whole manifest."""
        uri = self.records.get("shop/orders", batch).manifest
        assert uri.startswith(f"s3://staging/_manifests/shop/orders/{batch}")
        body = client("s3").get_object(Bucket="staging", Key=uri.removeprefix("s3://staging/"))["Body"].read()
        found: dict[str, Any] = json.loads(body)
        return found

    def later(self, **delta: float) -> None:
        self.now[0] += timedelta(**delta)


@pytest.fixture
def shop(catalog_tables: dict[str, str]) -> Shop:
    client("s3").create_bucket(Bucket="staging", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    queue_url = client("sqs").create_queue(QueueName="stage-b", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    machine = client("stepfunctions").create_state_machine(
        name="stage-b",
        definition='{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": true}}}',
        roleArn="arn:aws:iam::123456789012:role/stage-b",
    )["stateMachineArn"]
    now = [parse_iso("2026-01-01T00:00:00Z")]
    catalog = Catalog(client("dynamodb"), "ObjectsTable", lambda: now[0])
    records = BatchRecords(client("dynamodb"), "BatchesTable", lambda: now[0])
    ids = (f"{n:026d}" for n in itertools.count())
    turns = Turns(client("dynamodb"), "BatchesTable", lambda: now[0])
    command = {"Name": "glueetl", "ScriptLocation": "s3://artefacts/upkeep.py"}
    client("glue").create_job(
        Name="upkeep", Role="upkeep", Command=command, ExecutionProperty={"MaxConcurrentRuns": 1000}
    )
    made = Shop(catalog, records, None, queue_url, machine, now, turns)  # type: ignore[arg-type]
    made.poller = Poller(
        catalog=catalog,
        records=records,
        queue=StagedQueue(client("sqs"), catalog),
        sealer=Sealer(
            catalog=catalog,
            records=records,
            dynamodb=client("dynamodb"),
            s3=client("s3"),
            batches_table="BatchesTable",
            staging_bucket="staging",
            clock=lambda: now[0],
        ),
        finisher=Finisher(made.abandoned),  # type: ignore[arg-type]
        upkeeper=UpkeepPoller(
            turns,
            client("glue"),
            "upkeep",
            lambda: '{"Resource": "<team>/<dataset>"}',
            "BatchesTable",
            lambda *told: made.told.append(told),
            lambda: next(ids),
        ),
        deliveries=Deliveries(
            catalog=catalog,
            records=records,
            dynamodb=client("dynamodb"),
            s3=client("s3"),
            tell_team=lambda *told: made.told.append(told),
            send_again=made.sent_again.extend,
            clock=lambda: now[0],
        ),
        executions=Executions(client("stepfunctions")),
        machine=machine,
        load=lambda name: Work(DATASET, TABLE),
        new_id=lambda: next(ids),
        clock=lambda: now[0],
    )
    return made
