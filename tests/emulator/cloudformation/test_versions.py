"""Versions and aliases of a stack: a change publishes, the alias follows, what runs keeps what it was started with."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.cloudformation.changes import ResourceAction
from pipeline.core.errors import BadDefinition
from pipeline.emulator.awslambda.functions import Answer, Function
from pipeline.emulator.awslambda.patches import functions
from pipeline.emulator.cloudformation import Deployer, StackResult

Clients = Callable[[str], Any]
Deploy = Callable[..., StackResult]

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Code: {Type: String}}
Globals: {Function: {AutoPublishAlias: live, AutoPublishAliasAllProperties: true, Runtime: python3.12}}
Resources:
  Work:
    Type: AWS::Serverless::Function
    Properties:
      Handler: a.b
      CodeUri: {Bucket: of-versions, Key: !Ref Code}
      MemorySize: 128
      Tags: {tag: one}
      DeploymentPreference: {Type: Canary10Percent5Minutes, Role: !GetAtt Mover.Arn, Alarms: [!Ref Wrong]}
      EventInvokeConfig: {MaximumRetryAttempts: 1}
      Events:
        Inbox: {Type: SQS, Properties: {Queue: !GetAtt Inbox.Arn}}
        Ended: {Type: EventBridgeRule, Properties: {Pattern: {source: [any]}}}
  Mover:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}}
  Wrong:
    Type: AWS::CloudWatch::Alarm
    Properties: {Dimensions: [{Name: ExecutedVersion, Value: !GetAtt Work.Version.Version}]}
  Inbox: {Type: AWS::SQS::Queue}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      Definition: {StartAt: Work, States: {Work: {Type: Task, Resource: "${Work}", End: true}}}
      DefinitionSubstitutions: {Work: !Ref Work.Version}
      AutoPublishAlias: live
      DeploymentPreference: {Type: CANARY, Percentage: 10, Interval: 5, Alarms: [!Ref Wrong]}
  AliasParameter: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: %s, Value: !Ref Work.Alias}}
"""


def _runs_nothing(function: Function, payload: bytes, request_id: str | None = None) -> Answer:
    raise NotImplementedError


@pytest.fixture(scope="module", autouse=True)
def _versions(clients: Clients) -> None:
    """Lambda as the lake has it, and code in S3."""
    functions.run_by(_runs_nothing, lambda function, payload: "")
    where = {"LocationConstraint": "eu-west-1"}
    clients("s3").create_bucket(Bucket="of-versions", CreateBucketConfiguration=where)
    for key in ("one", "two"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a.py", f"def b(event, context): return {key!r}")
        clients("s3").put_object(Bucket="of-versions", Key=key, Body=buffer.getvalue())


def version_of(clients: Clients, result: StackResult) -> str:
    """What the function's alias points to."""
    found = clients("lambda").get_alias(FunctionName=result.resources["Work"], Name="live")
    return str(found["FunctionVersion"])


def routed(clients: Clients, result: StackResult) -> str:
    """The machine's version that its alias points to."""
    arn = result.resources["MachineAliaslive"]
    [route] = clients("stepfunctions").describe_state_machine_alias(stateMachineAliasArn=arn)["routingConfiguration"]
    return str(route["stateMachineVersionArn"])


def called(clients: Clients, machine: str) -> str:
    """The function that a machine, or a version of one, calls."""
    found = clients("stepfunctions").describe_state_machine(stateMachineArn=machine)["definition"]
    return str(json.loads(found)["States"]["Work"]["Resource"])


def test_a_change_publishes_versions_and_the_aliases_follow(deploy: Deploy, clients: Clients) -> None:
    template = TEMPLATE % "/versions/changed"
    first = deploy(template, stack="changed", Code="one")
    assert version_of(clients, first) == "1"
    assert called(clients, routed(clients, first)).endswith(":1")
    again = deploy(template, stack="changed", Code="one")
    assert (again.changed, again.kept) == ((), {})
    second = deploy(template, stack="changed", Code="two")
    assert version_of(clients, second) == "2"
    assert routed(clients, second) == f"{second.resources['Machine']}:2"
    assert called(clients, routed(clients, second)).endswith(":2")
    # What an execution that runs was started with is as it was.
    assert called(clients, f"{second.resources['Machine']}:1").endswith(":1")
    assert len(second.kept) == 2
    hashes = {
        clients("lambda").get_function(FunctionName=second.resources["Work"], Qualifier=each)["Configuration"][
            "CodeSha256"
        ]
        for each in "12"
    }
    assert len(hashes) == 2


def test_what_comes_from_outside_leads_to_the_alias(deploy: Deploy, clients: Clients) -> None:
    result = deploy(TEMPLATE % "/versions/outside", stack="outside", Code="one")
    alias = f"arn:aws:lambda:eu-west-1:123456789012:function:{result.resources['Work']}:live"
    assert clients("ssm").get_parameter(Name="/versions/outside")["Parameter"]["Value"] == alias
    mapping = clients("lambda").get_event_source_mapping(UUID=result.resources["WorkInbox"])
    assert mapping["FunctionArn"] == alias
    [target] = clients("events").list_targets_by_rule(Rule=result.resources["WorkEnded"])["Targets"]
    assert target["Arn"] == alias
    config = clients("lambda").get_function_event_invoke_config(FunctionName=result.resources["Work"], Qualifier="live")
    assert (config["FunctionArn"], config["MaximumRetryAttempts"]) == (alias, 1)


def test_a_change_of_configuration_alone_publishes_too(deploy: Deploy, clients: Clients) -> None:
    template = TEMPLATE % "/versions/configured"
    deploy(template, stack="configured", Code="one")
    second = deploy(template.replace("MemorySize: 128", "MemorySize: 256"), stack="configured", Code="one")
    assert version_of(clients, second) == "2"
    back = deploy(template, stack="configured", Code="one")
    assert version_of(clients, back) == "3"
    sizes = [
        clients("lambda").get_function_configuration(FunctionName=back.resources["Work"], Qualifier=each)["MemorySize"]
        for each in "123"
    ]
    assert sizes == [128, 256, 128]


def test_a_change_that_is_none_to_lambda_is_refused_as_on_aws(deploy: Deploy, clients: Clients) -> None:
    template = TEMPLATE % "/versions/tagged"
    first = deploy(template, stack="tagged", Code="one")
    with pytest.raises(BadDefinition, match="Modify the function to create a new version"):
        deploy(template.replace("tag: one", "tag: other"), stack="tagged", Code="one")
    assert version_of(clients, first) == "1"


def test_a_deployment_that_fails_moves_the_aliases_back(deploy: Deploy, clients: Clients) -> None:
    template = TEMPLATE % "/versions/failing"
    first = deploy(template, stack="failing", Code="one")
    before = routed(clients, first)
    taken = "  Taken: {Type: AWS::SSM::Parameter, DependsOn: [MachineAliaslive, WorkAliaslive], Properties: %s}\n"
    clients("ssm").put_parameter(Name="/versions/taken", Type="String", Value="another's")
    broken = template + taken % "{Type: String, Name: /versions/taken, Value: mine}"
    with pytest.raises(BadDefinition, match="already exists"):
        deploy(broken, stack="failing", Code="two")
    assert (version_of(clients, first), routed(clients, first)) == ("1", before)
    assert called(clients, before).endswith(":1")
    # Nothing is in the way of the next one.
    second = deploy(template, stack="failing", Code="two")
    assert version_of(clients, second) not in ("1", before)
    assert called(clients, routed(clients, second)).endswith(f":{version_of(clients, second)}")


def test_a_plan_tells_which_versions_are_published_and_which_aliases_move(
    deploy: Deploy, deployer: Deployer, tmp_path: Path
) -> None:
    template = TEMPLATE % "/versions/planned"
    deploy(template, stack="planned", Code="one")
    path = tmp_path / "planned.yaml"
    path.write_text(template)

    def planned(**parameters: Any) -> Mapping[str, ResourceAction]:
        plan = deployer.planner().plan("planned", path, {"Code": "one", **parameters})
        return {change.logical_id: change.action for change in plan.changes}

    assert planned() == {}
    changes = planned(Code="two")
    added = [logical_id for logical_id, action in changes.items() if action is ResourceAction.ADD]
    assert len(added) == 1
    assert added[0].startswith("WorkVersion")
    assert {
        logical_id: action for logical_id, action in changes.items() if not logical_id.startswith("WorkVersion")
    } == {
        "Work": ResourceAction.MODIFY,
        "WorkAliaslive": ResourceAction.MODIFY,
        "Wrong": ResourceAction.MODIFY,
        "Machine": ResourceAction.MODIFY,
        "MachineVersion": ResourceAction.REPLACE,
        "MachineAliaslive": ResourceAction.MODIFY,
    }


def test_another_policy_of_updates_is_refused(deploy: Deploy) -> None:
    with pytest.raises(BadDefinition, match="AutoScalingRollingUpdate: not honoured"):
        deploy("Resources: {Q: {Type: AWS::SQS::Queue, UpdatePolicy: {AutoScalingRollingUpdate: {}}}}")
