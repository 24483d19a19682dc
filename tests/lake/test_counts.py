"""Calls, invocations and transitions are counted, not timed: the counts do not depend on the machine.

Counted are our code's calls, the machines' invocations, and the event source's receives and deletes.
"""

from __future__ import annotations

import json
from collections import Counter

import pyarrow as pa

from pipeline.clients import client
from pipeline.settings import Setting
from pipeline.tables.iceberg import IcebergTables

from .conftest import Datasetup, RunningLake, csv_text
from .test_bad_input import mapping_of

TESTS = "tests"
"""How this process names itself in its calls (conftest)."""
CSV = {"stage_a": {"format": "csv", "columns": {"id": "string"}}}


def calls_of_the_lake(lake: RunningLake, *parts: str) -> Counter[str]:
    """Calls by operation, of callers whose name has one of `parts`, or of all but this process."""
    found: Counter[str] = Counter()
    for call in lake.calls():
        caller = call["caller"] or ""
        if caller != TESTS and (not parts or any(part in caller for part in parts)):
            found[f"{call['service']}.{call['operation']}"] += call["count"]
    return found


def test_ten_small_objects_cost_at_most_eight_calls_and_two_transitions_each(lake: RunningLake):
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
    invocations = {
        name: n for name, n in (Counter(lake.invocations()) - before).items() if any(p in name for p in stage_a)
    }
    assert total <= 80, dict(calls)
    assert sum(invocations.values()) == 12, invocations
    assert transitions(lake, dataset) <= 20


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
    lake.forget_calls()
    answer = client("lambda").invoke(
        FunctionName=lake.lake.settings[Setting.POLL_FUNCTION], Payload=json.dumps(order).encode()
    )
    assert json.load(answer["Payload"]) == {"outcome": "IDLE", "batch": None}
    assert calls_of_the_lake(lake, "Poll") == Counter({"dynamodb.GetItem": 1, "dynamodb.Query": 1})


def load_one(lake: RunningLake, dataset: Datasetup, n: int, **columns: str) -> Counter[str]:
    """Load a batch of one small object; returns the calls of its jobs and of its commit."""
    dataset.drop(f"{n}.csv", csv_text("id", columns.get("id", f"row {n}")))
    lake.forget_calls()
    lake.settle()
    stage_a = calls_of_the_lake(lake, "Route", "Transform", "Complete", "Poll", "event-source", "states")
    return calls_of_the_lake(lake) - stage_a


def history(lake: RunningLake, dataset: Datasetup, commits: int) -> None:
    """Commits of others, each one more snapshot, manifest and data file."""
    registration = lake.lake.registry.get(dataset.name)
    for n in range(commits):
        table = IcebergTables().load(registration.table)
        columns = {field.name: ["x"] for field in table.schema().fields}
        columns["id"] = [f"foreign {n}"]
        table.append(pa.table(columns))


def test_an_append_batch_costs_the_same_after_eighteen_more_commits(lake: RunningLake):
    dataset = lake.define(CSV)
    load_one(lake, dataset, 1)
    second = load_one(lake, dataset, 2)
    history(lake, dataset, 18)
    twentieth = load_one(lake, dataset, 21)
    assert twentieth == second
    assert len(dataset.rows()) == 21


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
