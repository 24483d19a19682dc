"""Calls, invocations and transitions are counted, not timed: the counts do not depend on the machine.

Counted are our code's calls, the machines' invocations, and the event source's receives and deletes.
"""

from __future__ import annotations

import json
import time
from collections import Counter

import pyarrow as pa

from pipeline.core.clients import client
from pipeline.lake.settings import Setting
from tests.any_tables import any_tables
from tests.patience import PATIENCE_S

from ..benchmarks.cost import MODEL
from .conftest import Datasetup, RunningLake, csv_text
from .test_bad_input import mapping_of

TESTS = "tests"
"""How this process names itself in its calls (conftest)."""
CSV = {"stage_a": {"format": "csv", "columns": {"id": "string"}}}
CHECKED = {**CSV, "quality": {"ruleset": 'Rules = [ IsComplete "id" ]', "scope": "batch"}}

CHARGED_AS = {
    "dynamodb.BatchGetItem": "dynamodb_read", "dynamodb.GetItem": "dynamodb_read", "dynamodb.Query": "dynamodb_read",
    "dynamodb.PutItem": "put", "dynamodb.UpdateItem": "update", "dynamodb.TransactWriteItems": "transaction_item",
    "s3.GetObject": "s3_read", "s3.HeadObject": "s3_read", "s3.PutObject": "s3_write", "s3.ListObjectsV2": "s3_write",
    "s3.CreateMultipartUpload": "s3_write", "s3.UploadPart": "s3_write", "s3.CompleteMultipartUpload": "s3_write",
    "sqs.ReceiveMessage": "sqs", "sqs.DeleteMessageBatch": "sqs", "sqs.SendMessageBatch": "sqs",
    "glue.GetTable": "glue_catalog", "glue.UpdateTable": "glue_catalog", "glue.GetDatabase": "glue_catalog",
}  # fmt: skip
# Invocations and jobs are counted by themselves; one notification a batch and the deletions of S3 cost next to nothing.
NOT_CHARGED = {
    "lambda.Invoke", "glue.StartJobRun", "glue.GetJobRun", "states.StartExecution", "sns.Publish", "s3.DeleteObject",
}  # fmt: skip


def within(units: dict[str, int], calls: Counter[str]) -> None:
    """That calls are no more than what the cost page reckons for so many routes, groups, objects and batches."""
    reckoned: Counter[str] = Counter()
    for unit, times in units.items():
        for what, count in MODEL["counts"][unit].items():
            reckoned[what] += times * count
    made: Counter[str] = Counter()
    for name, count in calls.items():
        if name not in NOT_CHARGED:
            made[CHARGED_AS[name]] += count
    assert made <= reckoned, made - reckoned


def calls_of_the_lake(lake: RunningLake, *parts: str) -> Counter[str]:
    """Calls by operation, of callers whose name has one of `parts`, or of all but this process."""
    found: Counter[str] = Counter()
    for call in lake.calls():
        caller = call["caller"] or ""
        if caller != TESTS and (not parts or any(part in caller for part in parts)):
            found[f"{call['service']}.{call['operation']}"] += call["count"]
    return found


def test_ten_small_objects_cost_at_most_six_calls_each_and_one_transform(lake: RunningLake):
    dataset = lake.define(CSV)
    mapping = mapping_of(lake)
    client("lambda").update_event_source_mapping(UUID=mapping, Enabled=False)
    for n in range(10):
        dataset.drop(f"{n}.csv", csv_text("id", str(n)))
    lake.forget_calls()
    before = Counter(lake.invocations())
    client("lambda").update_event_source_mapping(UUID=mapping, Enabled=True)
    lake.settle()
    stage_a = ("Route", "Transform", "RecordFailure", "Complete", "event-source", "states")
    calls = calls_of_the_lake(lake, *stage_a)
    of_stage_b = Counter({name: n for name, n in calls.items() if name.startswith("glue.")})
    total = (calls - of_stage_b).total()
    within({"route": 1, "group": 1, "bundle": 1, "object": 10}, calls_of_the_lake(lake, *stage_a[:-1]))
    invocations = {
        name: n for name, n in (Counter(lake.invocations()) - before).items() if any(p in name for p in stage_a)
    }
    assert total <= 60, dict(calls)
    assert sum(invocations.values()) == 3, invocations
    assert transitions(lake, dataset) == 6


def transitions(lake: RunningLake, dataset: Datasetup) -> int:
    """States entered by the Stage A executions of the dataset's objects."""
    names = {dataset.row(f"{n}.csv").execution for n in range(10)}
    assert len(names) == 1
    machine = lake.lake.settings[Setting.STAGE_A_MACHINE].replace(":stateMachine:", ":execution:")
    events = client("stepfunctions").get_execution_history(executionArn=f"{machine}:{names.pop()}", maxResults=1000)
    return sum(1 for event in events["events"] if event["type"].endswith("StateEntered"))


def test_an_idle_poll_costs_two_calls(lake: RunningLake):
    dataset = lake.define(CSV)
    registration = lake.lake.registry.get(dataset.name)
    lake.settle()
    order = {"dataset": str(dataset.name), "queue_url": registration.queue_url, "stage_b": {"min_objects": 1}}

    def calls_of_a_poll() -> Counter[str]:
        lake.forget_calls()
        answer = client("lambda").invoke(
            FunctionName=lake.lake.settings[Setting.POLL_FUNCTION], Payload=json.dumps(order).encode()
        )
        assert json.load(answer["Payload"]) == {"outcome": "IDLE", "batch": None}
        return calls_of_the_lake(lake, "Poll")

    # The schedules of other datasets may poll meanwhile.
    fewest = min((calls_of_a_poll() for _ in range(3)), key=lambda calls: calls.total())
    assert fewest == Counter({"dynamodb.GetItem": 1, "dynamodb.Query": 1})


def load_one(lake: RunningLake, dataset: Datasetup, n: int, **columns: str) -> Counter[str]:
    """Load a batch of one small object; returns the calls of its jobs and of its commit."""
    # A message that came too late for its object's batch makes the object a candidate of the next one, too.
    queue = {"QueueUrl": lake.lake.registry.get(dataset.name).queue_url}
    while left := client("sqs").receive_message(**queue, MaxNumberOfMessages=10).get("Messages"):
        for message in left:
            client("sqs").delete_message(**queue, ReceiptHandle=message["ReceiptHandle"])
    dataset.drop(f"{n}.csv", csv_text("id", columns.get("id", f"row {n}")))
    lake.forget_calls()
    lake.settle()
    stage_a = calls_of_the_lake(lake, "Route", "Transform", "Complete", "Poll", "event-source", "states")
    return calls_of_the_lake(lake) - stage_a


def history(lake: RunningLake, dataset: Datasetup, commits: int) -> None:
    """Commits of others, each one more snapshot, manifest and data file."""
    registration = lake.lake.registry.get(dataset.name)
    for n in range(commits):
        table = any_tables().load(registration.table)
        columns = {field.name: ["x"] for field in table.schema().fields}
        columns["id"] = [f"foreign {n}"]
        table.append(pa.table(columns))


def test_an_append_batch_costs_the_same_after_eighteen_more_commits(lake: RunningLake):
    dataset = lake.define(CSV)
    load_one(lake, dataset, 1)
    # From the twentieth commit on each removes the oldest metadata file.
    history(lake, dataset, 20)
    early = load_one(lake, dataset, 22)
    history(lake, dataset, 18)
    late = load_one(lake, dataset, 41)
    assert late == early
    assert len(dataset.rows()) == 41


def test_an_upsert_batch_costs_more_only_by_the_data_files_that_nobody_has_merged(lake: RunningLake):
    dataset = lake.define({**CSV, "table": {"write": "upsert", "key": ["id"]}})
    load_one(lake, dataset, 1)
    second = load_one(lake, dataset, 2)
    history(lake, dataset, 8)
    tenth = load_one(lake, dataset, 11)
    more = {name: n - second[name] for name, n in tenth.items() if n > second[name]}
    assert set(more) <= {"s3.GetObject", "s3.HeadObject"}, more
    # A data file is opened for its footer and its rows, and its manifest is read once or twice.
    assert sum(more.values()) <= 8 * 10, more


def stage(lake: RunningLake, dataset: Datasetup, objects: int) -> None:
    """Objects that come together and are staged before anybody polls."""
    mapping = mapping_of(lake)
    client("lambda").update_event_source_mapping(UUID=mapping, Enabled=False)
    files = [f"{objects}-{n}.csv" for n in range(objects)]
    for file in files:
        dataset.drop(file, csv_text("id", file))
    client("lambda").update_event_source_mapping(UUID=mapping, Enabled=True)
    until = time.monotonic() + PATIENCE_S
    while not all(lake.versions(dataset.key(file)) and dataset.row(file).staged for file in files):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_checked_batch_costs_no_more_than_the_cost_page_reckons(lake: RunningLake):
    dataset = lake.define(CHECKED)
    lake.settle()
    for objects in (1, 10):
        stage(lake, dataset, objects)
        lake.forget_calls()
        lake.settle()
        calls = calls_of_the_lake(lake) - calls_of_the_lake(lake, "Route", "Transform", "Complete", "event-source")
        # Other datasets of this lake are polled meanwhile; what an idle poll reads has its own test.
        polls = calls_of_the_lake(lake, "Poll")
        elsewhere = Counter({name: n for name, n in polls.items() if name.startswith(("dynamodb.", "states."))})
        within({"batch": 1, "batch_object": objects}, calls - elsewhere)
        assert [batch.objects for batch in dataset.batches()].count(objects) == 1
