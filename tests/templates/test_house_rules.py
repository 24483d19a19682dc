"""Every template and state machine passes cfn-lint, statelint and the rules of this house."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs
from statelint.linter import Linter

from pipeline.cloudformation.templates import load_template
from pipeline.deploy import environments
from tests.templates import access_rules, flow_rules  # noqa: F401  register their rules
from tests.templates.rendering import rendered
from tests.templates.rules import complaints

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted([*(ROOT / "definitions" / "stacks").glob("*.yaml"), *(ROOT / "cicd").glob("*.yaml")])
MACHINES = sorted((ROOT / "definitions" / "state_machines").glob("*.asl.json"))
LAMBDA_FACTOR = 6


# What cfn-lint informs of and we do on purpose: the rule, the resource's type, and why.
ON_PURPOSE = {
    ("I3011", "AWS::SQS::Queue"): "a message is a hint: the catalog tells what waits, and sends it again",
    ("I3011", "AWS::Logs::LogGroup"): "build logs tell nothing once their pipeline is gone",
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_cfn_lint_has_no_complaint_not_even_one_that_only_informs(path: Path) -> None:
    kinds = {name: each["Type"] for name, each in load_template(path)["Resources"].items()}
    matches = lint_file(path, config=ManualArgs(include_checks=["I"]))
    found = [match for match in matches if (match.rule.id, kinds.get((match.path or [""] * 2)[1])) not in ON_PURPOSE]
    assert [str(match) for match in found] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_the_house_rules_are_kept(path: Path) -> None:
    assert complaints(path) == []


def test_the_permissions_that_sam_makes_admit_one_source_of_this_account() -> None:
    """Rules and APIs are named by their whole ARN, and the account is in it; our other permissions name it."""
    made = [
        each["Properties"]
        for path in TEMPLATES
        for each in rendered(path).values()
        if each["Type"] == "AWS::Lambda::Permission" and "SourceAccount" not in each["Properties"]
    ]
    assert made
    whole = re.compile(r".*\.Arn|arn:aws:execute-api:eu-west-1:111122223333:Api/.+")
    assert [each for each in made if not whole.fullmatch(str(each.get("SourceArn")))] == []


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_statelint_has_no_complaint(path: Path) -> None:
    assert [str(problem) for problem in Linter.validate(json.loads(path.read_text()))] == []


def states(machine: dict[str, Any]) -> dict[str, Any]:
    """Every state of a machine, those inside maps and branches too."""
    found = dict(machine["States"])
    for state in machine["States"].values():
        for inner in [state.get("ItemProcessor"), *state.get("Branches", [])]:
            found |= states(inner) if inner else {}
    return found


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_every_state_says_what_it_is_for_and_no_catch_loses_the_cause(path: Path) -> None:
    for name, state in states(json.loads(path.read_text())).items():
        assert "Comment" in state, name
        for catch in state.get("Catch", []):
            assert catch.get("ResultPath", "$") not in (None, "$"), name


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.name)
def test_a_map_has_a_bound_and_a_task_an_end(path: Path) -> None:
    for name, state in states(json.loads(path.read_text())).items():
        assert state["Type"] != "Map" or state.get("MaxConcurrency", 0) > 0, name
        assert state["Type"] != "Task" or "TimeoutSeconds" in state or "TimeoutSecondsPath" in state, name


def test_a_queue_hides_a_message_six_times_as_long_as_its_function_may_take_and_gather() -> None:
    """For every value that the setting of the batching window may have."""
    templates = [load_template(path) for path in TEMPLATES]
    for window in range(301):
        settings = {"route-batching-window": str(window), "route-batch-size": "10"}
        check_visibility(templates, environments.stack_parameters(settings, "dev"))


def check_visibility(templates: list[dict[str, Any]], given: dict[str, str]) -> None:
    def number(value: Any) -> int:
        return int(given[value["Ref"]] if isinstance(value, dict) else value)

    hidden: dict[str, int] = {}
    for template in templates:
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::SSM::Parameter" and "Fn::GetAtt" in resource["Properties"]["Value"]:
                source = template["Resources"].get(resource["Properties"]["Value"]["Fn::GetAtt"][0], {})
                if source.get("Type") == "AWS::SQS::Queue":
                    name = resource["Properties"]["Name"]["Fn::Sub"]
                    hidden[name] = number(source["Properties"].get("VisibilityTimeout", 30))
    checked = 0
    for template in templates:
        for logical_id, resource in template["Resources"].items():
            for event in resource.get("Properties", {}).get("Events", {}).values():
                for name in re.findall(r"resolve:ssm:([^}]*\}[^}]*)\}\}", str(event["Properties"].get("Queue", ""))):
                    gathered = number(event["Properties"].get("MaximumBatchingWindowInSeconds", 0))
                    needed = LAMBDA_FACTOR * resource["Properties"]["Timeout"] + gathered
                    assert hidden[name] >= needed, logical_id
                    checked += 1
    assert checked > 0
