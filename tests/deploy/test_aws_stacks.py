"""moto stands in for CloudFormation: it makes few of the types, and keeps stacks, change sets and their failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from pipeline.cloudformation.templates import load_template
from pipeline.core.clients import client
from pipeline.core.errors import BadDefinition, Refused, Transient
from pipeline.deploy.aws_stacks import CloudFormationStacks, ResourceProgress
from tests.conftest import ROOT

PARAMETERS = {
    "Env": "dev",
    "Team": "shop",
    "Dataset": "orders",
    "Schedule": "rate(5 minutes)",
    "MinObjects": "1",
    "MaxObjects": "100",
    "MaxWait": "1800 seconds",
    "ReadableObjects": "shop/orders/data/*",
    "ReadableFolders": "shop/orders/*",
    "ReadableTables": "shop/orders",
}


def backends() -> Any:
    """moto's stacks by id."""
    from moto.cloudformation.models import cloudformation_backends

    return cloudformation_backends["123456789012"]["eu-west-1"].stacks


TEMPLATE = ROOT / "definitions" / "stacks" / "dataset.yaml"


@pytest.fixture(autouse=True)
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The template without its roles' boundary: moto takes the dynamic reference for an ARN, and refuses it. Lists are
    texts: moto gives them back as Python writes them, and CloudFormation as they were given."""
    path = tmp_path / TEMPLATE.name
    lines = TEMPLATE.read_text().replace("CommaDelimitedList", "String").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "PermissionsBoundary" not in line))
    monkeypatch.setitem(globals(), "TEMPLATE", path)


@pytest.fixture
def stacks(aws: None) -> CloudFormationStacks:
    for name in ("key-arn", "alarm-topic", "poll-function", "poll-schedule-role-arn"):
        client("ssm").put_parameter(Name=f"/sluice/dev/{name}", Value=f"arn:aws:x:::{name}", Type="String")
    return CloudFormationStacks(client("cloudformation"), delay_s=0)


def test_a_stack_is_made(stacks: CloudFormationStacks):
    assert stacks.deploy("sluice-dev-dataset-shop-orders", TEMPLATE, PARAMETERS).changed
    for queue in ("sluice-dev-stage-b-shop-orders", "sluice-dev-stage-b-dead-shop-orders"):
        assert client("sqs").get_queue_url(QueueName=queue)


def test_a_stack_that_is_there_is_updated(stacks: CloudFormationStacks):
    stacks.deploy("s", TEMPLATE, PARAMETERS)
    assert stacks.deploy("s", TEMPLATE, PARAMETERS | {"MaxObjects": "50"}).changed
    (stack,) = client("cloudformation").describe_stacks(StackName="s")["Stacks"]
    assert {p["ParameterKey"]: p["ParameterValue"] for p in stack["Parameters"]}["MaxObjects"] == "50"


def test_a_stack_without_a_change_is_left_alone_and_its_outputs_are_read(stacks: CloudFormationStacks):
    # moto forgets the outputs of what a change set made.
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in PARAMETERS.items()]
    client("cloudformation").create_stack(StackName="s", TemplateBody=TEMPLATE.read_text(), Parameters=parameters)
    deployed = stacks.deploy("s", TEMPLATE, PARAMETERS)
    assert not deployed.changed
    assert deployed.outputs["QueueUrl"].endswith("/sluice-dev-stage-b-shop-orders")
    assert deployed.outputs["DeadLetterQueueUrl"].endswith("/sluice-dev-stage-b-dead-shop-orders")
    assert not client("cloudformation").list_change_sets(StackName="s")["Summaries"]


def test_a_change_to_what_does_not_stand_is_refused_with_the_reason(stacks: CloudFormationStacks):
    stacks.deploy("s", TEMPLATE, PARAMETERS)
    (stack,) = client("cloudformation").describe_stacks(StackName="s")["Stacks"]
    backends()[stack["StackId"]].status = "ROLLBACK_FAILED"
    with pytest.raises(Refused, match="stack s is ROLLBACK_FAILED"):
        stacks.deploy("s", TEMPLATE, PARAMETERS)


def test_what_is_left_of_a_first_deployment_that_failed_is_deleted_and_the_stack_made(stacks: CloudFormationStacks):
    stacks.deploy("s", TEMPLATE, PARAMETERS)
    (failed,) = client("cloudformation").describe_stacks(StackName="s")["Stacks"]
    backends()[failed["StackId"]].status = "ROLLBACK_COMPLETE"
    assert stacks.plan("s", TEMPLATE, PARAMETERS).is_new
    assert stacks.deploy("s", TEMPLATE, PARAMETERS).changed
    (stack,) = client("cloudformation").describe_stacks(StackName="s")["Stacks"]
    assert stack["StackId"] != failed["StackId"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"


def test_a_stack_is_planned_and_nothing_is_left_of_the_plan(stacks: CloudFormationStacks):
    planned = stacks.plan("s", TEMPLATE, PARAMETERS)
    assert planned.is_new
    assert {"StageBQueue": "Add", "PollSchedule": "Add"}.items() <= {
        c.logical_id: c.action for c in planned.changes
    }.items()
    assert not client("cloudformation").list_stacks()["StackSummaries"]
    stacks.deploy("s", TEMPLATE, PARAMETERS)
    before = client("cloudformation").list_change_sets(StackName="s")["Summaries"]
    TEMPLATE.write_text(TEMPLATE.read_text().replace("VisibilityTimeout: 120", "VisibilityTimeout: 240"))
    planned = stacks.plan("s", TEMPLATE, PARAMETERS)
    assert not planned.is_new
    assert {change.logical_id: change.action for change in planned.changes} == {"StageBQueue": "Modify"}
    assert client("cloudformation").list_change_sets(StackName="s")["Summaries"] == before


def test_it_is_told_as_whom_a_stack_is_changed(stacks: CloudFormationStacks):
    assert stacks.role("s") is None
    stacks.deploy("s", TEMPLATE, PARAMETERS)
    assert stacks.role("s") is None
    role = "arn:aws:iam::123456789012:role/delivery/admin/sluice-pipeline-update"
    standing_stack().role_arn = role
    assert stacks.role("s") == role


def test_what_names_lake_environment_team_and_dataset_is_a_tag_of_the_stack_too(stacks: CloudFormationStacks):
    stacks.deploy("s", TEMPLATE, PARAMETERS)
    (stack,) = client("cloudformation").describe_stacks(StackName="s")["Stacks"]
    tags = {tag["Key"]: tag["Value"] for tag in stack["Tags"]}
    assert tags == {"Env": "dev", "Team": "shop", "Dataset": "orders"}


def test_a_stack_is_deleted_and_one_that_is_not_there_is_nothing_to_delete(stacks: CloudFormationStacks):
    stacks.deploy("s", TEMPLATE, PARAMETERS)
    assert stacks.delete("s")
    assert not stacks.delete("s")


def test_a_template_longer_than_a_call_takes_is_read_from_where_it_is_stored(aws: None, tmp_path: Path):
    padding = "#" * 51_200
    path = tmp_path / "long.yaml"
    path.write_text(f"Resources: {{Inbox: {{Type: AWS::SQS::Queue}}}}\n{padding}\n")
    client("s3").create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def store(template: Path) -> str:
        client("s3").upload_file(str(template), "templates", "t.yaml")
        return "https://templates.s3.amazonaws.com/t.yaml"

    with pytest.raises(BadDefinition, match="51200 bytes"):
        CloudFormationStacks(client("cloudformation"), delay_s=0).deploy("s", path, {})
    assert CloudFormationStacks(client("cloudformation"), store=store, delay_s=0).deploy("s", path, {}).changed


STANDING = {"StackName": "s", "CreationTime": datetime.now(UTC), "StackStatus": "UPDATE_COMPLETE"}
REPLACED = {
    "Type": "Resource",
    "ResourceChange": {
        "Action": "Modify",
        "LogicalResourceId": "Rows",
        "ResourceType": "AWS::DynamoDB::Table",
        "Replacement": "True",
        "PolicyAction": "ReplaceAndRetain",
        "Details": [
            {
                "Target": {
                    "Attribute": "Properties",
                    "Name": "KeySchema",
                    "RequiresRecreation": "Always",
                    "Path": "/Properties/KeySchema",
                    "BeforeValue": "a",
                    "AfterValue": "b",
                }
            }
        ],
    },
}


@pytest.fixture
def answers() -> Iterator[Stubber]:
    """CloudFormation's own answers, which moto does not give, as AWS words them."""
    with Stubber(boto3.client("cloudformation")) as stubber:
        yield stubber


def not_there(answers: Stubber) -> None:
    answers.add_client_error("describe_stacks", "ValidationError", "Stack with id s does not exist")


def change_set_is_ready(answers: Stubber) -> None:
    answers.add_response("create_change_set", {"Id": "change"})
    answers.add_response("describe_change_set", {"Status": "CREATE_COMPLETE"})


def test_a_template_that_is_refused_says_why(answers: Stubber):
    not_there(answers)
    answers.add_client_error("create_change_set", "ValidationError", "Template format error: unresolved Q")
    with pytest.raises(BadDefinition, match="refuses it for stack s: Template format error: unresolved Q"):
        CloudFormationStacks(answers.client, delay_s=0).deploy("s", TEMPLATE, {})


def test_a_change_set_that_fails_says_why_and_is_deleted(answers: Stubber):
    not_there(answers)
    answers.add_response("create_change_set", {"Id": "change"})
    for _ in range(2):
        answers.add_response("describe_change_set", {"Status": "FAILED", "StatusReason": "no such macro"})
    answers.add_response("delete_change_set", {}, {"StackName": "s", "ChangeSetName": "change"})
    with pytest.raises(BadDefinition, match="no such macro"):
        CloudFormationStacks(answers.client, delay_s=0).deploy("s", TEMPLATE, {})
    answers.assert_no_pending_responses()


def test_a_stateful_resource_is_not_replaced_and_its_change_set_is_deleted(answers: Stubber):
    answers.add_response("describe_stacks", {"Stacks": [STANDING]})
    change_set_is_ready(answers)
    answers.add_response("describe_change_set", {"Status": "CREATE_COMPLETE", "Changes": [REPLACED]})
    answers.add_response("delete_change_set", {}, {"StackName": "s", "ChangeSetName": "change"})
    with pytest.raises(Refused, match=r"Rows \(AWS::DynamoDB::Table\) of s replaced, for KeySchema"):
        CloudFormationStacks(answers.client, delay_s=0).deploy("s", TEMPLATE, {})
    answers.assert_no_pending_responses()


def test_a_stateful_resource_is_replaced_when_somebody_says_so(answers: Stubber):
    answers.add_response("describe_stacks", {"Stacks": [STANDING]})
    change_set_is_ready(answers)
    runs_to(answers, [("s", "UPDATE_COMPLETE", None), ("Rows", "UPDATE_COMPLETE", None)])
    answers.add_response("describe_stacks", {"Stacks": [STANDING]})
    assert CloudFormationStacks(answers.client, delay_s=0, replace_stateful=True).deploy("s", TEMPLATE, {}).changed


def runs_to(answers: Stubber, events: list[tuple[str, str, str | None]]) -> None:
    """The change set runs, and these are its events, newest first."""
    old = _event("s", "UPDATE_COMPLETE", None) | {"EventId": "old"}
    failed_before = _event("Old", "CREATE_FAILED", "of an earlier try")
    answers.add_response("describe_stack_events", {"StackEvents": [old, failed_before]})
    answers.add_response("execute_change_set", {})
    told = [_event(*event) for event in events]
    answers.add_response("describe_stack_events", {"StackEvents": [*told, old, failed_before]})


def test_a_stack_that_rolls_back_names_what_failed_first_and_reports_each_resource(answers: Stubber):
    not_there(answers)
    change_set_is_ready(answers)
    answers.add_response("describe_change_set", {"Status": "CREATE_COMPLETE"})
    events = [
        ("s", "ROLLBACK_COMPLETE", None),
        ("Policy", "CREATE_FAILED", "Resource creation cancelled"),
        ("Queue", "CREATE_FAILED", "a queue of that name exists"),
        ("Queue", "CREATE_IN_PROGRESS", None),
        ("s", "CREATE_IN_PROGRESS", None),
    ]
    runs_to(answers, events)
    answers.add_response("describe_stacks", {"Stacks": [STANDING | {"StackStatus": "ROLLBACK_COMPLETE"}]})
    old = _event("s", "UPDATE_COMPLETE", None) | {"EventId": "old"}
    answers.add_response("describe_stack_events", {"StackEvents": [*(_event(*event) for event in events), old]})
    reported: list[ResourceProgress] = []
    with pytest.raises(Refused, match="stack s was not deployed, and is ROLLBACK_COMPLETE: Queue: a queue of that"):
        CloudFormationStacks(answers.client, report=reported.append, delay_s=0).deploy("s", TEMPLATE, {})
    assert [(each.logical_id, each.status) for each in reported] == [
        ("Queue", "CREATE_FAILED"),
        ("Policy", "CREATE_FAILED"),
    ]


def test_a_stack_that_another_deployment_changes_is_left_to_it(answers: Stubber):
    answers.add_response("describe_stacks", {"Stacks": [STANDING | {"StackStatus": "UPDATE_IN_PROGRESS"}]})
    with pytest.raises(Transient, match="another deployment is under way"):
        CloudFormationStacks(answers.client, delay_s=0).deploy("s", TEMPLATE, {})


def _event(logical_id: str, status: str, reason: str | None) -> dict[str, Any]:
    event = {"LogicalResourceId": logical_id, "ResourceStatus": status, "ResourceStatusReason": reason}
    always = {"StackId": "s", "StackName": "s", "Timestamp": datetime.now(UTC), "EventId": f"{logical_id} {status}"}
    return always | {name: value for name, value in event.items() if value}


def test_a_plan_of_a_new_stack_leaves_out_what_its_parameters_leave_out(stacks: CloudFormationStacks):
    template = ROOT / "cicd" / "bootstrap.yaml"

    def planned(**given: str) -> set[str]:
        return {change.logical_id for change in stacks.plan("s", template, {"Env": "dev", **given}).changes}

    conditional = {"LakeKey", "LakeKeyAlias", "KeyArn"}
    assert conditional < planned()
    assert planned() - planned(ExistingKeyArn="arn:aws:kms:eu-west-1:123456789012:key/own") == conditional
    assert planned(PipelineAccount="999900001111") - planned() == {"DeploymentRole", "DeploymentRoleArn"}


@pytest.fixture
def calls() -> Iterator[Counter[str]]:
    """How often each operation of CloudFormation was called."""
    made: Counter[str] = Counter()

    def note(model: Any, **_: Any) -> None:
        made[model.name] += 1

    events = client("cloudformation").meta.events
    events.register("before-call.cloudformation", note, unique_id="counting")
    yield made
    events.unregister("before-call.cloudformation", unique_id="counting")


def standing_stack() -> Any:
    """moto's own stack, as CloudFormation keeps it."""
    (stack,) = client("cloudformation").describe_stacks(StackName="s")["Stacks"]
    return backends()[stack["StackId"]]


ALL = {
    name: str(each["Default"]) for name, each in load_template(TEMPLATE)["Parameters"].items() if "Default" in each
} | PARAMETERS


@pytest.fixture
def unchanged(stacks: CloudFormationStacks) -> CloudFormationStacks:
    """Stacks of which one stands as the last deployment made it."""
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in ALL.items()]
    tags = [{"Key": key, "Value": ALL[key]} for key in ("Lake", "Env", "Team", "Dataset")]
    given = {"TemplateBody": TEMPLATE.read_text(), "Parameters": parameters, "Tags": tags}
    client("cloudformation").create_stack(StackName="s", **given)
    return stacks


def test_a_stack_that_stands_as_it_is_wanted_costs_two_calls_and_no_change_set(
    unchanged: CloudFormationStacks, calls: Counter[str]
):
    assert not unchanged.deploy("s", TEMPLATE, ALL).changed
    assert calls == {"DescribeStacks": 1, "GetTemplate": 1}
    assert unchanged.plan("s", TEMPLATE, ALL).changes == ()
    assert calls == {"DescribeStacks": 2, "GetTemplate": 2}


@pytest.mark.parametrize("what", ["parameter", "template", "tag", "role", "status", "parameter by hand"])
def test_a_stack_that_is_otherwise_than_wanted_is_not_taken_for_unchanged(
    unchanged: CloudFormationStacks, calls: Counter[str], what: str
):
    stack, given, asked = standing_stack(), dict(ALL), unchanged
    if what == "parameter":
        given["MaxObjects"] = "7"
    elif what == "template":
        TEMPLATE.write_text(TEMPLATE.read_text().replace("VisibilityTimeout: 120", "VisibilityTimeout: 240"))
    elif what == "tag":
        stack.tags["Team"] = "other"
    elif what == "role":
        asked = CloudFormationStacks(client("cloudformation"), role="arn:aws:iam::123456789012:role/other", delay_s=0)
    elif what == "status":
        stack.status = "UPDATE_ROLLBACK_COMPLETE"
    else:
        by_hand = [{"ParameterKey": key, "ParameterValue": value} for key, value in (ALL | {"MaxObjects": "7"}).items()]
        client("cloudformation").update_stack(StackName="s", UsePreviousTemplate=True, Parameters=by_hand)
    calls.clear()
    asked.plan("s", TEMPLATE, given)
    assert calls["CreateChangeSet"] == 1


def test_who_may_not_read_templates_asks_by_change_set(answers: Stubber):
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in ALL.items()]
    tags = [{"Key": key, "Value": ALL[key]} for key in ("Lake", "Env", "Team", "Dataset")]
    answers.add_response("describe_stacks", {"Stacks": [STANDING | {"Parameters": parameters, "Tags": tags}]})
    answers.add_client_error("get_template", "AccessDenied", "not authorized to perform: cloudformation:GetTemplate")
    answers.add_response("create_change_set", {"Id": "change"})
    for _ in range(2):
        answers.add_response("describe_change_set", {"Status": "FAILED", "StatusReason": "didn't contain changes"})
    answers.add_response("delete_change_set", {})
    assert not CloudFormationStacks(answers.client, delay_s=0).deploy("s", TEMPLATE, ALL).changed
    answers.assert_no_pending_responses()
