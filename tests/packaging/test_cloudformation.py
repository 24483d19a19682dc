"""moto stands in for CloudFormation: it makes few of the types, and keeps stacks, change sets and their failures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from pipeline.clients import client
from pipeline.errors import BadDefinition, Refused
from pipeline.packaging.cloudformation import CloudFormationStacks
from tests.conftest import ROOT

PARAMETERS = {
    "Env": "dev",
    "Team": "shop",
    "Dataset": "orders",
    "Schedule": "rate(5 minutes)",
    "MinObjects": "1",
    "MaxObjects": "100",
    "MaxWait": "1800 seconds",
}


def backends() -> Any:
    """moto's stacks by id."""
    from moto.cloudformation.models import cloudformation_backends

    return cloudformation_backends["123456789012"]["eu-west-1"].stacks


TEMPLATE = ROOT / "definitions" / "stacks" / "dataset.yaml"


@pytest.fixture
def stacks(aws: None) -> CloudFormationStacks:
    for name in ("key-arn", "alarm-topic", "poll-function"):
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


def test_a_stack_is_deleted_and_one_that_is_not_there_is_no_error(stacks: CloudFormationStacks):
    stacks.deploy("s", TEMPLATE, PARAMETERS)
    assert stacks.delete("s")
    assert client("sqs").list_queues().get("QueueUrls", []) == []
    assert not stacks.delete("s")


def test_a_change_to_what_does_not_stand_is_refused_with_the_reason(stacks: CloudFormationStacks):
    stacks.deploy("s", TEMPLATE, PARAMETERS)
    (stack,) = client("cloudformation").describe_stacks(StackName="s")["Stacks"]
    backends()[stack["StackId"]].status = "ROLLBACK_COMPLETE"
    with pytest.raises(Refused, match="stack s is ROLLBACK_COMPLETE"):
        stacks.deploy("s", TEMPLATE, PARAMETERS)


@pytest.fixture
def answers() -> Iterator[Stubber]:
    """CloudFormation's own refusals, which moto does not make, as AWS words them."""
    with Stubber(boto3.client("cloudformation")) as stubber:
        stubber.add_client_error("describe_stacks", "ValidationError", "Stack with id s does not exist")
        yield stubber


def test_a_template_that_is_refused_says_why(answers: Stubber):
    answers.add_client_error("create_change_set", "ValidationError", "Template format error: unresolved Q")
    with pytest.raises(BadDefinition, match="refuses it for stack s: Template format error: unresolved Q"):
        CloudFormationStacks(answers.client, delay_s=0).deploy("s", TEMPLATE, {})


def test_a_change_set_that_fails_says_why_and_is_deleted(answers: Stubber):
    answers.add_response("create_change_set", {"Id": "change"})
    for _ in range(2):
        answers.add_response("describe_change_set", {"Status": "FAILED", "StatusReason": "no such macro"})
    answers.add_response("delete_change_set", {}, {"StackName": "s", "ChangeSetName": "change"})
    with pytest.raises(BadDefinition, match="no such macro"):
        CloudFormationStacks(answers.client, delay_s=0).deploy("s", TEMPLATE, {})
    answers.assert_no_pending_responses()


def test_a_stack_that_rolls_back_names_what_failed_first(answers: Stubber):
    answers.add_response("create_change_set", {"Id": "change"})
    answers.add_response("describe_change_set", {"Status": "CREATE_COMPLETE"})
    answers.add_response("execute_change_set", {})
    stack = {"StackName": "s", "CreationTime": datetime.now(UTC), "StackStatus": "ROLLBACK_COMPLETE"}
    answers.add_response("describe_stacks", {"Stacks": [stack]})
    events = [
        ("s", "ROLLBACK_COMPLETE", None),
        ("Policy", "CREATE_FAILED", "Resource creation cancelled"),
        ("Queue", "CREATE_FAILED", "a queue of that name exists"),
        ("s", "CREATE_IN_PROGRESS", None),
        ("Old", "CREATE_FAILED", "of an earlier try"),
    ]
    answers.add_response("describe_stack_events", {"StackEvents": [_event(*event) for event in events]})
    with pytest.raises(Refused, match="stack s was not deployed: Queue: a queue of that name exists"):
        CloudFormationStacks(answers.client, delay_s=0).deploy("s", TEMPLATE, {})


def test_a_stack_that_is_not_let_go_names_what_holds_it():
    with Stubber(boto3.client("cloudformation")) as answers:
        stack = {"StackName": "s", "CreationTime": datetime.now(UTC), "StackStatus": "CREATE_COMPLETE"}
        answers.add_response("describe_stacks", {"Stacks": [stack]})
        answers.add_response("delete_stack", {}, {"StackName": "s"})
        answers.add_response("describe_stacks", {"Stacks": [stack | {"StackStatus": "DELETE_FAILED"}]})
        events = [
            ("Queue", "DELETE_FAILED", "access denied"),
            ("s", "DELETE_IN_PROGRESS", None),
            ("Old", "CREATE_FAILED", "x"),
        ]
        answers.add_response("describe_stack_events", {"StackEvents": [_event(*event) for event in events]})
        with pytest.raises(Refused, match="stack s was not deleted: Queue: access denied"):
            CloudFormationStacks(answers.client, delay_s=0).delete("s")


def test_a_stack_that_is_being_deleted_is_made_again_once_it_is_gone():
    with Stubber(boto3.client("cloudformation")) as answers:
        stack = {"StackName": "s", "CreationTime": datetime.now(UTC), "StackStatus": "DELETE_IN_PROGRESS"}
        answers.add_response("describe_stacks", {"Stacks": [stack]})
        answers.add_client_error("describe_stacks", "ValidationError", "Stack with id s does not exist")
        answers.add_client_error("create_change_set", "ValidationError", "stop here")
        with pytest.raises(BadDefinition, match="stop here"):
            CloudFormationStacks(answers.client, delay_s=0).deploy("s", TEMPLATE, {})
        answers.assert_no_pending_responses()


def _event(logical_id: str, status: str, reason: str | None) -> dict[str, Any]:
    event = {"LogicalResourceId": logical_id, "ResourceStatus": status, "ResourceStatusReason": reason}
    always = {"StackId": "s", "EventId": "e", "StackName": "s", "Timestamp": datetime.now(UTC)}
    return always | {name: value for name, value in event.items() if value}
