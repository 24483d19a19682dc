"""Least privilege (promise 16): what was called under each role of the lake, beside what the role allows.

Runs last in this folder: the calls are those of all its tests, and of the flows here that no other test has.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.catalog import Status
from pipeline.cli.embedded import call, hurry_schedules
from pipeline.clients import client
from pipeline.local.front_actions import Need
from pipeline.settings import Setting

from .conftest import Datasetup, RunningLake, csv_text
from .roles import Grant, granted, roles_of_callers, unmet, unused

UNUSED = Path(__file__).with_name("roles_unused.yaml")
OTHER_MODULES = {"test_bad_input", "test_counts", "test_flow"}
# Nobody's role: this process, Spark's JVM while it warms up, and rules, which functions admit by their own policies.
NO_ROLE = {"tests", "spark", "states"}
CSV = {"stage_a": {"format": "csv", "columns": {"id": "string"}}}
# Longer than the function that marks the failure takes to start: the one that transforms is warm, and goes on.
ROWS_THAT_TAKE_A_WHILE = 30_000_000


def needs(lake: RunningLake) -> list[Need]:
    return [Need(**each) for each in call(lake.endpoint, "actions")["actions"]]


def stop_the_execution(dataset: Datasetup, machine: Setting, *, hurry: bool = False) -> None:
    """Stop the machine's next execution for the dataset while it runs."""
    lake, until = dataset.lake, time.monotonic() + 60
    states, is_its = client("stepfunctions"), re.compile(rf"{dataset.name}\b")
    while True:
        assert time.monotonic() < until
        if hurry:
            hurry_schedules(lake.endpoint)
        arn = lake.lake.settings[machine]
        for each in states.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]:
            if is_its.search(states.describe_execution(executionArn=each["executionArn"])["input"]):
                states.stop_execution(executionArn=each["executionArn"], error="Stopped", cause="by a test")
                return
        time.sleep(0.05)


def until_status(dataset: Datasetup, file: str, *wanted: Status) -> None:
    until = time.monotonic() + 60
    while not dataset.lake.versions(dataset.key(file)) or dataset.row(file).status not in wanted:
        assert time.monotonic() < until, dataset.row(file)
        time.sleep(0.1)


def test_an_execution_of_stage_a_that_is_stopped_leaves_its_objects_failed(lake: RunningLake) -> None:
    dataset = lake.define(CSV)
    dataset.drop("large.csv", "id\n" + "1\n" * ROWS_THAT_TAKE_A_WHILE)
    stop_the_execution(dataset, Setting.STAGE_A_MACHINE)
    until_status(dataset, "large.csv", Status.FAILED)


def test_an_execution_of_stage_b_that_is_stopped_fails_its_batch(lake: RunningLake) -> None:
    dataset = lake.define(CSV)
    dataset.drop("a.csv", csv_text("id", "1"))
    until_status(dataset, "a.csv", Status.STAGED)
    stop_the_execution(dataset, Setting.STAGE_B_MACHINE, hurry=True)
    until = time.monotonic() + 60
    while [batch.status for batch in dataset.batches()] != ["FAILED"]:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_batch_whose_staged_object_is_lost_fails(lake: RunningLake) -> None:
    dataset = lake.define({**CSV, "stage_b": {"min_objects": 2}})
    dataset.drop("lost.csv", csv_text("id", "1"))
    until_status(dataset, "lost.csv", Status.STAGED)
    bucket, _, key = str(dataset.row("lost.csv").staged).removeprefix("s3://").partition("/")
    client("s3").delete_object(Bucket=bucket, Key=key)
    dataset.drop("second.csv", csv_text("id", "2"))
    lake.settle()
    assert [batch.status for batch in dataset.batches()] == ["FAILED"]


def test_nobody_called_what_the_role_does_not_allow(lake: RunningLake) -> None:
    found, callers = needs(lake), roles_of_callers()
    assert {need.caller for need in found} - NO_ROLE - {n.caller for n in found if n.caller.lower() in callers} == set()
    assert {need.caller for need in found} - NO_ROLE, "nothing was recorded"
    assert unmet(found, granted(), callers) == []


def test_every_grant_is_used_or_has_its_reason(lake: RunningLake, request: pytest.FixtureRequest) -> None:
    if OTHER_MODULES - {item.path.stem for item in request.session.items}:
        pytest.skip("what is used shows only after all tests of this folder")
    grants = granted()
    import json

    Path("/tmp/h/s3/t/needs.json").write_text(
        json.dumps(
            [
                [list(n) for n in needs(lake)],
                [[g.role, g.action, g.resources] for g in grants],
                {k: sorted(v) for k, v in roles_of_callers().items()},
            ]
        )
    )
    idle = {(grant.logical_role, grant.action) for grant in unused(needs(lake), grants, roles_of_callers())}
    excused = reasons(grants)
    assert sorted(idle - excused.keys()) == []
    assert sorted(excused.keys() - {(grant.logical_role, grant.action) for grant in grants}) == [], (
        "nobody grants these"
    )


def reasons(grants: list[Grant]) -> dict[tuple[str, str], str]:
    """Why a role has an action that no recorded run used, by role and action."""
    written: dict[str, dict[str, Any]] = yaml.safe_load(UNUSED.read_text())
    every = {
        (grant.logical_role, grant.action): reason
        for grant in grants
        for action, reason in written["every role"].items()
        if grant.action == action
    }
    own = {
        (role, action): reason
        for role, actions in written.items()
        if role != "every role"
        for action, reason in actions.items()
    }
    return every | own


def test_a_call_that_no_grant_covers_is_found() -> None:
    grants = [Grant("r", "s3:GetObject", ("arn:aws:s3:::raw/*",)), Grant("r", "s3:PutObject", ("arn:aws:s3:::raw/*",))]
    callers = {"f": {"r"}}
    read = Need("F", "s3:GetObject", "arn:aws:s3:::raw/k")
    elsewhere = Need("F", "s3:GetObject", "arn:aws:s3:::curated/k")
    other = Need("F", "s3:DeleteObject", "arn:aws:s3:::raw/k")
    assert unmet([read, elsewhere, other], grants, callers) == [elsewhere, other]
    assert unused([read], grants, callers) == grants[1:]
