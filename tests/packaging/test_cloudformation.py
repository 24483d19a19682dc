"""moto stands in for CloudFormation: it makes few of the types, and keeps stacks, change sets and their failures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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


def test_a_change_to_what_does_not_stand_is_refused_with_the_reason(stacks: CloudFormationStacks):
    stacks.deploy("s", TEMPLATE, PARAMETERS)
    (stack,) = client("cloudformation").describe_stacks(StackName="s")["Stacks"]
    backends()[stack["StackId"]].status = "ROLLBACK_COMPLETE"
    with pytest.raises(Refused, match="stack s is ROLLBACK_COMPLETE"):
        stacks.deploy("s", TEMPLATE, PARAMETERS)


def test_a_template_that_is_refused_says_why(stacks: CloudFormationStacks, tmp_path: Path):
    template = tmp_path / "t.yaml"
    template.write_text("Resources:\n  Q: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Missing}}\n")
    with pytest.raises(BadDefinition, match="refuses it for stack s"):
        stacks.deploy("s", template, {"Unknown": "1"})
