"""The `${Name}` of definitions, and what lies where a definition does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.cloudformation.substitutions import substitutions
from pipeline.core.errors import BadDefinition
from pipeline.state_machines.placeholders import filled, hint
from pipeline.state_machines.suites import Suite

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:"


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ('"arn:${Partition}:states:::sqs"', {}, '"arn:aws:states:::sqs"'),
        ('"arn:${AWS::Partition}:x:${AWS::Region}:${AWS::AccountId}"', {}, '"arn:aws:x:eu-west-1:123456789012"'),
        ('"FunctionName": "${Load}"', {}, '"FunctionName": "Load"'),
        ('"FunctionName": "${Load}"', {"Load": "mine"}, '"FunctionName": "mine"'),
        ('"TimeoutSeconds": ${Limit}', {"Limit": "30"}, '"TimeoutSeconds": 30'),
        ('"TimeoutSeconds": ${Limit}', {}, '"TimeoutSeconds": 1'),
        (r'{"a\"${b}": "c\\", "d": [${e}, "${f}"]}', {}, r'{"a\"b": "c\\", "d": [1, "f"]}'),
        ('{"a": ${b}, "c": "${d}', {}, '{"a": 1, "c": "d'),
        ('"Resource": "${Load}"', {}, f'"Resource": "{FUNCTION}Load"'),
        ('"Resource" : "${Load.Arn}"', {}, f'"Resource" : "{FUNCTION}Load"'),
        ('"Resource": "${LoadArn}"', {}, f'"Resource": "{FUNCTION}Load"'),
        ('"Resource": "${aws_lambda_function.load.arn}"', {}, f'"Resource": "{FUNCTION}aws_lambda_function-load-arn"'),
        (
            '"Resource": "${Load}"',
            {"Load": "arn:aws:states:::sns:publish"},
            '"Resource": "arn:aws:states:::sns:publish"',
        ),
        ('"{% $sum(a${b: c}) %}"', {}, '"{% $sum(a${b: c}) %}"'),
    ],
)
def test_each_placeholder_becomes_what_is_given_or_what_it_can_be(text: str, given: dict[str, str], expected: str):
    assert filled(text, given) == expected


def test_the_hint_names_what_nobody_gave():
    text = '"${Partition} ${A} ${B} ${A} ${C}"'
    assert hint(text, {"B": "b"}) == "It holds ${A}, ${C}: give values with --substitute A=VALUE, or --template."
    assert hint(text, {"A": "", "B": "", "C": ""}) is None


TEMPLATE = """
Parameters: {Stage: {Type: String, Default: test}, Size: {Type: Number}}
Resources:
  Load: {Type: AWS::Serverless::Function}
  Told: {Type: AWS::SNS::Topic}
  Waiting: {Type: AWS::SQS::Queue}
  Rows: {Type: AWS::DynamoDB::Table}
  Nightly:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: machines/nightly.asl.json
      DefinitionSubstitutions:
        LoadArn: !GetAtt Load.Arn
        LoadName: !Ref Load
        Topic: !Ref Told
        Queue: !Ref Waiting
        Table: !Ref Rows
        Invoke: !Sub "arn:${AWS::Partition}:states:::lambda:invoke"
        Named: !Sub ["${Stage}-${Load.Arn}-${x}", {x: !Ref Stage}]
        Joined: !Join ["/", [a, !Ref Stage]]
        Limit: 30
        Loud: true
        Imported: !ImportValue other
        Sized: !Ref Size
  Other:
    Type: AWS::StepFunctions::StateMachine
    Properties: {DefinitionS3Location: other.asl.json, DefinitionSubstitutions: {LoadArn: other}}
"""


def test_a_template_tells_the_values_without_a_deployment(tmp_path: Path):
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    assert substitutions(tmp_path / "template.yaml", "nightly") == {
        "LoadArn": f"{FUNCTION}Load",
        "LoadName": "Load",
        "Topic": "arn:aws:sns:eu-west-1:123456789012:Told",
        "Queue": "https://sqs.eu-west-1.amazonaws.com/123456789012/Waiting",
        "Table": "Rows",
        "Invoke": "arn:aws:states:::lambda:invoke",
        "Named": f"test-{FUNCTION}Load-test",
        "Joined": "a/test",
        "Limit": "30",
        "Loud": "true",
    }
    assert substitutions(tmp_path / "template.yaml", "other") == {"LoadArn": "other"}
    assert substitutions(tmp_path / "template.yaml", "absent") == {}


MACHINE = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})


def suite(folder: Path, files: dict[str, str], **more: Any) -> Suite:
    mocks = {"StateMachines": {"backup": {"TestCases": {"C": {}}}}, "MockedResponses": {}}
    for name, text in {"MockConfigFile.json": json.dumps(mocks), **files}.items():
        (folder / name).write_text(text)
    return Suite(folder, **more)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"backup.json": MACHINE}, "There is {folder}/backup.json: rename it to backup.asl.json, in JSON."),
        ({"Backup.asl.json": MACHINE}, "There is {folder}/Backup.asl.json: rename it to backup.asl.json, in JSON."),
        (
            {"backup.asl.yaml": "StartAt: A"},
            "There is {folder}/backup.asl.yaml: rename it to backup.asl.json, in JSON.",
        ),
        ({"restore.asl.json": MACHINE, "x.json": "[]", "y.json": "{"}, "There are {folder}/restore.asl.json."),
        ({}, None),
    ],
)
def test_the_files_that_may_be_meant_are_named(tmp_path: Path, files: dict[str, str], expected: str | None):
    with pytest.raises(BadDefinition) as missing:
        suite(tmp_path, files).definition("backup")
    told = missing.value.hint
    assert told == (expected and expected.format(folder=tmp_path)) or (told or "").endswith(str(expected))


def test_a_definition_that_is_no_json_because_of_a_placeholder_says_which(tmp_path: Path):
    text = '{"StartAt": "A", "States": {"A": {"Type": "Wait", ${Pause}, "End": true}}}'
    with pytest.raises(BadDefinition) as wrong:
        suite(tmp_path, {"backup.asl.json": text}).definition("backup")
    assert wrong.value.hint == "It holds ${Pause}: give values with --substitute Pause=VALUE, or --template."
    given = suite(tmp_path, {}, substitutions=lambda machine: {"Pause": '"Seconds": 3'} if machine == "backup" else {})
    assert given.definition("backup")["States"]["A"]["Seconds"] == 3
