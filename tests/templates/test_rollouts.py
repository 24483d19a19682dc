"""A rollout goes back by itself, and takes nothing from under an execution that runs: the wiring, as SAM expands it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.templates.rendering import rendered
from tests.templates.test_house_rules import TEMPLATES

Resources = Mapping[str, dict[str, Any]]

STACKS = {path.stem: rendered(path) for path in TEMPLATES if path.parent.name == "stacks"}
FUNCTIONS = [
    (stack, logical_id)
    for stack, resources in STACKS.items()
    for logical_id, each in resources.items()
    if each["Type"] == "AWS::Lambda::Function"
]
MACHINES = [
    (stack, logical_id)
    for stack, resources in STACKS.items()
    for logical_id, each in resources.items()
    if each["Type"] == "AWS::StepFunctions::StateMachine"
]
CODE_OF_A_JOB = (
    "--extra-py-files", "--extra-jars", "--user-jars-first", "--additional-python-modules",
    "--python-modules-installer-option",
)  # fmt: skip
FROM_OUTSIDE = [("stage_a", "Route"), ("stage_b", "Poll")]
"""The functions on whose mistakes nothing else looks: what starts executions."""


def of_type(resources: Resources, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, each.get("Properties", {})) for name, each in resources.items() if each["Type"] == kind)


def tasks(stack: str, machine: str) -> Iterator[dict[str, Any]]:
    """The Task states of a machine, those inside others too."""

    def inside(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for state in definition["States"].values():
            if state["Type"] == "Task":
                yield state
            for inner in (state.get("ItemProcessor"), *state.get("Branches", [])):
                if inner:
                    yield from inside(inner)

    return inside(json.loads(STACKS[stack][machine]["Properties"]["DefinitionString"]))


def version_of(resources: Resources, function: str) -> str:
    [found] = [name for name, each in of_type(resources, "AWS::Lambda::Version") if each["FunctionName"] == function]
    return found


@pytest.mark.parametrize(("stack", "function"), FUNCTIONS)
def test_a_function_has_a_version_that_stays_and_an_alias_that_leads_to_it(stack: str, function: str) -> None:
    resources = STACKS[stack]
    version = version_of(resources, function)
    assert resources[version]["DeletionPolicy"] == "Retain"
    alias = resources[f"{function}Aliaslive"]["Properties"]
    assert (alias["Name"], alias["FunctionVersion"]) == ("live", f"{version}.Version")


STANDARD = "StandardJob"
"""Which job a machine runs where a dataset has none of its own."""


@pytest.mark.parametrize(("stack", "machine"), MACHINES)
def test_a_machine_calls_versions_of_its_functions(stack: str, machine: str) -> None:
    called = [
        task["Parameters"]["FunctionName"] for task in tasks(stack, machine) if task["Resource"].endswith(":invoke")
    ]
    assert called
    versions = {name for name, _ in of_type(STACKS[stack], "AWS::Lambda::Version")}
    assert set(called) <= versions


@pytest.mark.parametrize(("stack", "machine"), MACHINES)
def test_a_machine_may_call_every_version_of_its_functions_and_nothing_else(stack: str, machine: str) -> None:
    [policy] = STACKS[stack][f"{machine}Role"]["Properties"]["Policies"]
    [allowed] = [
        statement["Resource"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "lambda:InvokeFunction" in statement["Action"]
    ]
    called = {task["Parameters"].get("FunctionName", "") for task in tasks(stack, machine)} - {""}
    # An execution that runs calls what it was started with, and that is not the newest.
    assert sorted(allowed) == sorted(f"{re.sub('Version[0-9a-f]{10}$', '', name)}.Arn:*" for name in called)


@pytest.mark.parametrize(("stack", "machine"), MACHINES)
def test_a_machine_starts_its_jobs_with_the_code_of_its_own_version(stack: str, machine: str) -> None:
    jobs = dict(of_type(STACKS[stack], "AWS::Glue::Job"))
    for task in tasks(stack, machine):
        if ":glue:startJobRun" not in task["Resource"]:
            continue
        job, given = jobs[task["Parameters"].get("JobName", STANDARD)], task["Parameters"]["Arguments"]
        assert given["--scriptLocation"] == job["Command"]["ScriptLocation"]
        for name in CODE_OF_A_JOB:
            assert given.get(name) == job["DefaultArguments"].get(name)


@pytest.mark.parametrize(("stack", "name"), FROM_OUTSIDE)
def test_a_canary_moves_the_alias_and_errors_of_the_new_version_move_it_back(stack: str, name: str) -> None:
    resources, function = STACKS[stack], f"{name}Function"
    policy = resources[f"{function}Aliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    group = resources[policy["DeploymentGroupName"]]["Properties"]
    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    assert group["AlarmConfiguration"] == {"Enabled": True, "Alarms": [{"Name": f"{name}RolloutAlarm"}]}
    assert group["AutoRollbackConfiguration"]["Enabled"] is True
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert group["ServiceRoleArn"] == f"{name}RolloutRole.Arn"
    alarm = resources[f"{name}RolloutAlarm"]["Properties"]
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"]) == ("AWS/Lambda", "Errors", 0)
    assert dimensions == {
        "FunctionName": function,
        "Resource": f"{function}:live",
        "ExecutedVersion": f"{version_of(resources, function)}.Version",
    }


@pytest.mark.parametrize(("stack", "machine"), MACHINES)
def test_a_canary_moves_the_machines_alias_and_what_no_data_explains_moves_it_back(stack: str, machine: str) -> None:
    resources = STACKS[stack]
    assert resources[f"{machine}Version"]["DeletionPolicy"] == "Retain"
    assert resources[f"{machine}Version"]["UpdateReplacePolicy"] == "Retain"
    assert resources[f"{machine}Aliaslive"]["Properties"]["DeploymentPreference"] == {
        "StateMachineVersionArn": f"{machine}Version",
        "Type": "CANARY",
        "Percentage": 10,
        "Interval": 5,
        "Alarms": [f"{machine}RolloutAlarm"],
    }
    alarm = resources[f"{machine}RolloutAlarm"]["Properties"]
    assert alarm["Threshold"] == 0
    if machine == "StageAMachine":
        # What is wrong with an object its execution records, and succeeds.
        assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/States", "ExecutionsFailed")
        assert alarm["Dimensions"] == [{"Name": "StateMachineArn", "Value": machine}]
        return
    watched = [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]
    called = [f"{name}Function" for name in ("Record", "Commit", "Register", "Quarantine", "Fail")]
    assert [(each["Namespace"], each["MetricName"]) for each in watched] == [("AWS/Lambda", "Errors")] * len(called)
    assert [{d["Name"]: d["Value"] for d in each["Dimensions"]} for each in watched] == [
        {"FunctionName": name, "Resource": f"{name}:{version_of(resources, name)}.Version"} for name in called
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_what_starts_from_outside_leads_to_an_alias(stack: str) -> None:
    resources = STACKS[stack]
    aimed = [each["FunctionName"] for _, each in of_type(resources, "AWS::Lambda::EventSourceMapping")]
    aimed += [each["FunctionName"] for _, each in of_type(resources, "AWS::Lambda::Permission")]
    aimed += [target["Arn"] for _, rule in of_type(resources, "AWS::Events::Rule") for target in rule["Targets"]]
    aimed += [
        value
        for _, function in of_type(resources, "AWS::Lambda::Function")
        for name, value in function["Environment"]["Variables"].items()
        if name.endswith("_MACHINE")
    ]
    # What schedules and people call is found in Parameter Store; alarms find names there, and call nothing.
    aimed += [
        each["Value"]
        for _, each in of_type(resources, "AWS::SSM::Parameter")
        if each["Name"].endswith(("/poll-function", "-failed-function", "-values-function"))
    ]
    # Of another stack's the parameter is held to it there.
    published = re.compile(r"\{\{resolve:ssm:/sluice/dev/[a-z-]+-values-function\}\}")
    assert [name for name in aimed if not name.endswith("Aliaslive") and not published.fullmatch(name)] == []
    with_some = ("feed", "forecast", "forecasts", "forecasts_api", "log_forwarding", "stage_a", "stage_b")
    assert bool(aimed) == (stack in with_some)


def test_the_poller_of_a_dataset_is_called_by_its_alias() -> None:
    target = STACKS["dataset"]["PollSchedule"]["Properties"]["Target"]["Arn"]
    parameter = STACKS["stage_b"]["PollFunctionParameter"]["Properties"]
    assert target == f"{{{{resolve:ssm:{parameter['Name']}}}}}"
    assert parameter["Value"] == "PollFunctionAliaslive"
