"""Every template and state machine passes cfn-lint, statelint and the rules of this house."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint_file
from statelint.linter import Linter

from pipeline.packaging.templates import load_template
from tests.templates.rules import RULES, complaints

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted([*(ROOT / "definitions" / "stacks").glob("*.yaml"), *(ROOT / "cicd").glob("*.yaml")])
MACHINES = sorted((ROOT / "definitions" / "state_machines").glob("*.asl.json"))
LAMBDA_FACTOR = 6


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_cfn_lint_has_no_complaint(path: Path) -> None:
    assert [str(match) for match in lint_file(path)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_the_house_rules_are_kept(path: Path) -> None:
    assert complaints(path) == []


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


def test_a_queue_hides_a_message_six_times_as_long_as_its_function_may_take() -> None:
    templates = [load_template(path) for path in TEMPLATES]
    hidden: dict[str, int] = {}
    for template in templates:
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::SSM::Parameter" and "Fn::GetAtt" in resource["Properties"]["Value"]:
                source = template["Resources"].get(resource["Properties"]["Value"]["Fn::GetAtt"][0], {})
                if source.get("Type") == "AWS::SQS::Queue":
                    name = resource["Properties"]["Name"]["Fn::Sub"]
                    hidden[name] = source["Properties"].get("VisibilityTimeout", 30)
    checked = 0
    for template in templates:
        for logical_id, resource in template["Resources"].items():
            for event in resource.get("Properties", {}).get("Events", {}).values():
                for name in re.findall(r"resolve:ssm:([^}]*\}[^}]*)\}\}", str(event["Properties"].get("Queue", ""))):
                    assert hidden[name] >= LAMBDA_FACTOR * resource["Properties"]["Timeout"], logical_id
                    checked += 1
    assert checked > 0


BROKEN = """
Transform: AWS::Serverless-2016-10-31
Parameters: {DatabasePassword: {Type: String}}
Resources:
  Open: {Type: AWS::S3::Bucket}
  Rows: {Type: AWS::DynamoDB::Table}
  Key: {Type: AWS::KMS::Key}
  Inbox: {Type: AWS::SQS::Queue}
  News: {Type: AWS::SNS::Topic}
  Admits:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref News]
      PolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: s3.amazonaws.com}, Action: sns:Publish,
                                    Resource: !Ref News}]}
  Short:
    Type: AWS::SQS::Queue
    Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt Inbox.Arn, maxReceiveCount: 1}}
  Log: {Type: AWS::Logs::LogGroup}
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Environment: {Variables: {DB_PASSWORD: x}}
      Events:
        Inbox: {Type: SQS, Properties: {Queue: !GetAtt Inbox.Arn}}
        Ended: {Type: EventBridgeRule, Properties: {Pattern: {source: [aws.states]}}}
      Policies:
        Statement:
          - {Effect: Allow, Action: [s3:GetObject, "s3:*", "*"], Resource: "*"}
          - {Effect: Allow, Action: iam:PassRole, Resource: "arn:aws:iam::1:role/x"}
  Machine: {Type: AWS::Serverless::StateMachine}
"""


def test_every_rule_finds_what_it_is_for(tmp_path: Path) -> None:
    """A rule that never complains proves nothing of the templates that pass it."""
    path = tmp_path / "broken.yaml"
    path.write_text(BROKEN)
    found = {complaint.split(": ")[1] for complaint in complaints(path)}
    assert found == {check.__name__ for check in RULES} | {"no_literal_partition"}
