"""Least privilege (promise 16): what was called under each role of the lake, beside what the role allows.

Runs last in this folder: the calls are those of all its tests, and of the flows here that no other test has.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from pipeline.cli.embedded import call, run_schedules_now
from pipeline.core.clients import client
from pipeline.emulator.gateway.actions import Need
from pipeline.lake.batches.records import Batch
from pipeline.lake.batches.upkeep import TurnStatus
from pipeline.lake.catalog import Status
from pipeline.lake.settings import Setting
from tests import patience

from .conftest import Datasetup, RunningLake, csv_text
from .listening import command_line
from .roles import Grant, granted, granted_to_runs, roles_of_callers, unmet, unused

UNUSED = Path(__file__).with_name("roles_unused.yaml")
OTHER_MODULES = {"test_bad_input", "test_counts", "test_flow", "test_rows_again"}
# Nobody's role: this process, Spark's JVM while it warms up, and rules, which functions admit by their own policies.
NO_ROLE = {"tests", "spark", "states"}
CSV = {"stage_a": {"format": "csv", "columns": {"id": "string"}}}
JUDGED = {"quality": {"ruleset": 'Rules = [ IsComplete "id" ]'}}
WAIT_S = 150


@dataclass(frozen=True, slots=True)
class Excuse:
    """Why roles have actions that no run used, on resources whose ARN has `arn` in it.

    With a `prefix` it excuses only grants that are for prefixes which begin with it, `*` for any, and without only
    those for all.
    """

    roles: list[str]
    actions: list[str]
    because: str
    arn: str = ""
    prefix: str = ""

    def of(self, grant: Grant) -> bool:
        where = any(self.arn in resource for resource in grant.resources)
        start = self.prefix.rstrip("*")
        which = all(each.startswith(start) for each in grant.prefixes) and bool(grant.prefixes) == bool(self.prefix)
        return grant.logical_role in self.roles and grant.action in self.actions and where and which


def needs(lake: RunningLake) -> list[Need]:
    return [Need(**each) for each in call(lake.endpoint, "actions", key=lake.key)["actions"]]


def until(holds: Callable[[], object], *, hurry: Datasetup | None = None) -> None:
    """Wait for something; the polls of the dataset `hurry` need not wait for their schedule."""

    def asked() -> object:
        found = holds()
        if hurry and not found:
            run_schedules_now(hurry.lake.endpoint, [str(hurry.name)])
        return found

    patience.until(asked, WAIT_S, every_s=0.1)


def until_status(dataset: Datasetup, file: str, *wanted: Status) -> None:
    until(lambda: dataset.lake.versions(dataset.key(file)) and dataset.row(file).status in wanted)


def until_written(dataset: Datasetup) -> Batch:
    """The dataset's batch, once its rows are on a branch of the table and its quality job is under way."""
    until(dataset.batches, hurry=dataset)
    until(lambda: dataset.batches()[0].write)
    return dataset.batches()[0]


def twice(dataset: Datasetup, file: str) -> None:
    """Drop a file, and the same again, which waits for what becomes of the first."""
    for _ in range(2):
        dataset.drop(file, csv_text("id", "1"))
    until(lambda: statuses(dataset, file) in ({Status.STAGED, Status.DUPLICATE}, {Status.CLAIMED, Status.DUPLICATE}))


def statuses(dataset: Datasetup, file: str) -> set[Status]:
    return {row.status for row in dataset.lake.versions(dataset.key(file))}


@contextlib.contextmanager
def held_up(lake: RunningLake, handler: str) -> Iterator[None]:
    """No worker of a function goes on meanwhile, also none that starts: what is to happen before it has ended does."""
    over, stopped = threading.Event(), set()

    def stop_all() -> None:
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            line = command_line(pid)
            if pid not in stopped and str(lake.root) in line and handler in line.split():
                stopped.add(pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)

    def go_on() -> None:
        while not over.wait(0.02):
            stop_all()

    stop_all()
    watching = threading.Thread(target=go_on)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def stop_stage_a(dataset: Datasetup) -> None:
    """Stop the dataset's execution of Stage A while it runs."""
    states, is_its = client("stepfunctions"), re.compile(rf"{dataset.name}\b")
    arn = dataset.lake.lake.settings[Setting.STAGE_A_MACHINE]

    def stopped() -> bool:
        for each in states.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]:
            if is_its.search(states.describe_execution(executionArn=each["executionArn"])["input"]):
                states.stop_execution(executionArn=each["executionArn"], error="Stopped", cause="by a test")
                return True
        return False

    until(stopped)


def test_an_execution_of_stage_a_that_is_stopped_leaves_its_objects_failed(lake: RunningLake) -> None:
    dataset = lake.define(CSV)
    with held_up(lake, "stages.stage_a.transform.transform_objects"):
        dataset.drop("a.csv", csv_text("id", "1"))
        stop_stage_a(dataset)
        until_status(dataset, "a.csv", Status.FAILED)


def test_an_execution_of_stage_b_that_is_stopped_leaves_nothing_of_its_batch(lake: RunningLake) -> None:
    dataset = lake.define({**CSV, **JUDGED})
    twice(dataset, "a.csv")
    batch = until_written(dataset)
    arn = lake.lake.settings[Setting.STAGE_B_MACHINE].replace(":stateMachine:", ":execution:")
    client("stepfunctions").stop_execution(executionArn=f"{arn}:{batch.id}", error="Stopped", cause="by a test")
    until(lambda: [each.status for each in dataset.batches() if each.id == batch.id] == ["FAILED"])
    lake.settle()
    assert dataset.rows() == [{"id": "1"}], "what waited for it was not loaded, or both were"


def test_a_batch_whose_quality_job_is_stopped_fails_and_can_be_redriven(lake: RunningLake) -> None:
    dataset = lake.define({**CSV, **JUDGED})
    twice(dataset, "a.csv")
    batch = until_written(dataset)
    job = lake.lake.settings[Setting.QUALITY_JOB]

    def runs() -> list[str]:
        found = client("glue").get_job_runs(JobName=job)["JobRuns"]
        return [run["Id"] for run in found if batch.id in str(run) and run["JobRunState"] in ("STARTING", "RUNNING")]

    until(runs)
    client("glue").batch_stop_job_run(JobName=job, JobRunIds=runs())
    until(lambda: [each.status for each in dataset.batches() if each.id == batch.id] == ["FAILED"])
    lake.settle()
    redriven = lake.sluice("redrive", "--batch", batch.id)
    assert redriven.returncode == 0, redriven.stderr
    lake.settle()
    assert dataset.rows() == [{"id": "1"}]


def test_what_waited_for_a_quarantined_batch_is_sent_again(lake: RunningLake) -> None:
    dataset = lake.define({**CSV, "quality": {"ruleset": "Rules = [ RowCount > 99 ]"}})
    twice(dataset, "a.csv")
    lake.settle()
    assert [batch.status for batch in dataset.batches()] == ["QUARANTINED"] * 2


def test_a_row_without_its_key_is_quarantined_by_the_job(lake: RunningLake) -> None:
    columns = {"id": "string", "v": "string"}
    dataset = lake.define(
        {"stage_a": {"format": "jsonl", "columns": columns}, "table": {"write": "upsert", "key": ["id"]}}
    )
    dataset.drop("a.jsonl", '{"id": "1", "v": "a"}\n{"id": null, "v": "b"}\n')
    lake.settle()
    assert [row["v"] for row in dataset.rows()] == ["a"]
    [batch] = dataset.batches()
    assert batch.write
    assert batch.write.bad_rows == 1


def test_a_batch_whose_staged_object_is_lost_fails(lake: RunningLake) -> None:
    dataset = lake.define({**CSV, "stage_b": {"min_objects": 2}})
    dataset.drop("lost.csv", csv_text("id", "1"))
    until_status(dataset, "lost.csv", Status.STAGED)
    bucket, _, key = str(dataset.row("lost.csv").staged).removeprefix("s3://").partition("/")
    client("s3").delete_object(Bucket=bucket, Key=key)
    dataset.drop("second.csv", csv_text("id", "2"))
    lake.settle()
    assert [batch.status for batch in dataset.batches()] == ["FAILED"]


def test_a_corrected_manifest_is_loaded_by_the_poller(lake: RunningLake) -> None:
    """The poller reads what Stage A made of it, and ends the one before while nobody has the lock."""
    dataset = lake.define({**CSV, "stage_b": {"start_when": {"manifest": "*.manifest"}}})
    for name in ("missing.csv", "a.csv"):
        dataset.drop("1.manifest", f'["{name}"]')
    dataset.drop("a.csv", csv_text("id", "1"))
    lake.settle()
    assert statuses(dataset, "1.manifest") == {Status.SUPERSEDED, Status.COMMITTED}
    assert statuses(dataset, "a.csv") == {Status.COMMITTED}


def test_a_table_is_kept_up_when_it_is_asked_for(lake: RunningLake) -> None:
    dataset = lake.define(CSV)
    for file in ("a.csv", "b.csv"):
        dataset.drop(file, csv_text("id", file))
        lake.settle()
    asked = lake.sluice("upkeep", str(dataset.name), "--now")
    assert asked.returncode == 0, asked.stderr

    def ended() -> bool:
        return any(turn.status is not TurnStatus.OPEN for turn in lake.lake.turns.newest(str(dataset.name), 1))

    until(ended, hurry=dataset)
    [turn] = lake.lake.turns.newest(str(dataset.name), 1)
    assert (turn.status, turn.error) == (TurnStatus.DONE, None)
    assert turn.did["manifests"] >= 2
    # Both batches are over: their rows have an end from now on.
    assert turn.did["histories"] == len(dataset.batches()) == 2
    assert lake.lake.batches.active(str(dataset.name)) is None
    assert sorted(row["id"] for row in dataset.rows()) == ["a.csv", "b.csv"]


def test_nobody_called_what_the_role_does_not_allow(lake: RunningLake) -> None:
    found, callers = needs(lake), roles_of_callers()
    assert {need.caller for need in found} - NO_ROLE - {n.caller for n in found if n.caller.lower() in callers} == set()
    assert {need.caller for need in found} - NO_ROLE, "nothing was recorded"
    assert unmet(found, granted(), callers) == []


def test_a_run_of_upkeep_called_nothing_that_is_not_its_datasets(lake: RunningLake) -> None:
    job = lake.lake.settings[Setting.UPKEEP_JOB]
    called = [need for need in needs(lake) if need.caller.lower() == job.lower()]
    allowed = granted_to_runs(job)
    assert called, "nothing was recorded"
    assert [need for need in called if not any(grant.covers(need) for grant in allowed)] == []


def test_every_grant_is_used_or_has_its_reason(lake: RunningLake, request: pytest.FixtureRequest) -> None:
    if OTHER_MODULES - {item.path.stem for item in request.session.items}:
        pytest.skip("what is used shows only after all tests of this folder")
    excuses = [Excuse(**each) for each in yaml.safe_load(UNUSED.read_text())]
    idle = unused(needs(lake), granted(), roles_of_callers())
    named = {(each.logical_role, each.action, each.resources) for each in idle if not any(e.of(each) for e in excuses)}
    told = {(role, action) for role, action, _ in named}
    assert told == set()


def test_what_is_excused_is_granted(lake: RunningLake) -> None:
    path = lake.root / "definitions" / "datasets" / "tests" / "every.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("select * from staged")
    lake.define({**CSV, "transform": {"sql": path.name}})  # with the stack of a dataset, and all that it may have
    grants = granted()
    for entry in yaml.safe_load(UNUSED.read_text()):
        for role, action in itertools.product(entry["roles"], entry["actions"]):
            alone = Excuse(**{**entry, "roles": [role], "actions": [action]})
            assert any(alone.of(grant) for grant in grants), f"nobody grants {action} to {role}"


def test_an_excuse_for_a_prefix_is_none_for_the_whole_bucket() -> None:
    bucket = ("arn:aws:s3:::staging",)
    role = "x-JobRole-0123456789ab"
    whole, some = Grant(role, "s3:ListBucket", bucket), Grant(role, "s3:ListBucket", bucket, ("_events/a/*",))
    excuse = Excuse(["JobRole"], ["s3:ListBucket"], "why", "staging", "_events/")
    assert [excuse.of(grant) for grant in (whole, some)] == [False, True]
    assert [Excuse(["JobRole"], ["s3:ListBucket"], "why", "staging").of(grant) for grant in (whole, some)] == [
        True,
        False,
    ]
    assert not Excuse(["JobRole"], ["s3:ListBucket"], "why", "staging", "_other/").of(some)
    listed = Need("F", "s3:ListBucket", *bucket)
    assert unmet([listed], [some], {"f": {role}}) == [listed]
    assert unused([listed], [whole, some], {"f": {role}}) == [some]


def test_a_call_that_no_grant_covers_is_found() -> None:
    grants = [Grant("r", "s3:GetObject", ("arn:aws:s3:::raw/*",)), Grant("r", "s3:PutObject", ("arn:aws:s3:::raw/*",))]
    callers = {"f": {"r"}}
    read = Need("F", "s3:GetObject", "arn:aws:s3:::raw/k")
    elsewhere = Need("F", "s3:GetObject", "arn:aws:s3:::curated/k")
    other = Need("F", "s3:DeleteObject", "arn:aws:s3:::raw/k")
    assert unmet([read, elsewhere, other], grants, callers) == [elsewhere, other]
    assert unused([read], grants, callers) == grants[1:]
