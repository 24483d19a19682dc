"""A plan says what a deployment would do, stack by stack, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.cloudformation.changes import ResourceAction, ResourceChange
from pipeline.core.errors import BadDefinition
from pipeline.emulator.cloudformation import Deployer, StackPlan, StackResult
from tests.deploying import deploy_all, plan_all

Clients = Callable[[str], Any]
Deploy = Callable[..., StackResult]
Plan = Callable[..., StackPlan]


@pytest.fixture
def plan(deployer: Deployer, tmp_path: Path) -> Plan:
    """Plans a template given as text, as `deploy` deploys it."""

    def run(text: str, stack: str, **parameters: Any) -> StackPlan:
        path = tmp_path / "planned.yaml"
        path.write_text(text)
        return deployer.planner().plan(stack, path, parameters)

    return run


@pytest.fixture
def writes(clients: Clients) -> Iterator[list[str]]:
    """The calls that change something."""
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        if not model.name.startswith(("Get", "List", "Describe", "Head")):
            made.append(model.name)

    services = ("s3", "sqs", "sns", "ssm")
    for service in services:
        clients(service).meta.events.register("before-call", note)
    yield made
    for service in services:
        clients(service).meta.events.unregister("before-call", note)


def actions(planned: StackPlan) -> list[tuple[str, str]]:
    return [(change.logical_id, str(change.action)) for change in planned.changes]


BEFORE = """
Resources:
  Inbox: {Type: AWS::SQS::Queue, Properties: {QueueName: planned-a, VisibilityTimeout: 40}}
  Same: {Type: AWS::SQS::Queue, Properties: {QueueName: planned-same}}
  Gone: {Type: AWS::SQS::Queue}
  Stays: {Type: AWS::SQS::Queue, DeletionPolicy: Retain}
  Url: {Type: AWS::SSM::Parameter, Properties: {Name: /planned/url, Type: String, Value: !Ref Inbox}}
  News: {Type: AWS::SNS::Topic, Properties: {TopicName: planned, DisplayName: old}}
"""
AFTER = """
Resources:
  Inbox: {Type: AWS::SQS::Queue, UpdateReplacePolicy: Retain, Properties: {QueueName: planned-b, VisibilityTimeout: 40}}
  Same: {Type: AWS::SQS::Queue, Properties: {QueueName: planned-same}}
  Url: {Type: AWS::SSM::Parameter, Properties: {Name: /planned/url, Type: String, Value: !Ref Inbox}}
  News: {Type: AWS::SNS::Topic, Properties: {TopicName: planned, DisplayName: new}}
  New: {Type: AWS::SQS::Queue}
"""


def test_every_change_is_named_with_its_properties_and_nothing_is_called_that_changes_anything(
    deploy: Deploy, plan: Plan, writes: list[str]
) -> None:
    url = deploy(BEFORE, stack="planned").resources["Inbox"]
    writes.clear()
    planned = plan(AFTER, "planned")
    assert writes == []
    assert (planned.is_new, planned.unfinished) == (False, False)
    assert actions(planned) == [
        ("Inbox", "Replace"), ("Url", "Modify"), ("News", "Modify"), ("New", "Add"), ("Stays", "Keep"),
        ("Gone", "Remove"),
    ]  # fmt: skip
    inbox, address, news, *_ = planned.changes
    assert inbox.old_is_kept
    assert [(each.path, each.before, each.after, each.replaces) for each in inbox.properties] == [
        ("QueueName", "planned-a", "planned-b", True)
    ]
    assert [(each.before, each.after) for each in address.properties] == [(url, "⟨Inbox⟩")]
    assert [(each.path, each.before, each.after) for each in news.properties] == [("DisplayName", "old", "new")]


def test_the_deployment_does_what_was_planned(deploy: Deploy, plan: Plan) -> None:
    before, after = (template.replace("planned", "done") for template in (BEFORE, AFTER))
    deploy(before, stack="done")
    planned = plan(after, "done")
    result = deploy(after, stack="done")
    made = {change.logical_id for change in planned.changes if change.action in ("Add", "Modify", "Replace")}
    assert set(result.changed) == made
    assert set(result.kept) == {"Inbox", "Stays"}
    assert result.removed == ("Gone",)
    assert plan(after, "done").changes == ()


def test_a_new_lake_is_planned_though_each_stack_reads_what_another_will_publish(
    deployer: Deployer, tmp_path: Path, writes: list[str]
) -> None:
    (tmp_path / "reader.yaml").write_text(
        """
        Parameters: {Env: {Type: String}}
        Resources:
          Inbox:
            Type: AWS::SQS::Queue
            Properties:
              QueueName: !Sub "{{resolve:ssm:/sluice/${Env}/dead}}-inbox"
              Tags: [{Key: from, Value: !ImportValue planned-name}]
          Second:
            Type: AWS::SQS::Queue
            Properties: {QueueName: !Select [1, !Split [":", !GetAtt Inbox.Arn]]}
        """
    )
    (tmp_path / "writer.yaml").write_text(
        """
        Parameters: {Env: {Type: String}}
        Resources:
          Dead: {Type: AWS::SQS::Queue}
          Name:
            Type: AWS::SSM::Parameter
            Properties: {Name: !Sub "/sluice/${Env}/dead", Type: String, Value: !GetAtt Dead.QueueName}
        Outputs: {Name: {Value: !Ref Dead, Export: {Name: planned-name}}}
        """
    )
    plans = plan_all(deployer, list(tmp_path.glob("*.yaml")), "fresh")
    assert [(planned.name, planned.is_new, len(planned.changes)) for planned in plans] == [
        ("sluice-fresh-writer", True, 2), ("sluice-fresh-reader", True, 2),
    ]  # fmt: skip
    assert writes == []


def test_a_stack_sees_what_the_ones_before_it_would_change(deployer: Deployer, tmp_path: Path) -> None:
    writer = "Resources: {Name: {Type: AWS::SSM::Parameter, Properties: {Name: /seen, Type: String, Value: %s}}}"
    (tmp_path / "b_reader.yaml").write_text(
        "Resources: {News: {Type: AWS::SNS::Topic, Properties: {DisplayName: '{{resolve:ssm:/seen}}'}}}"
    )
    (tmp_path / "writer.yaml").write_text(writer % "old")
    templates = list(tmp_path.glob("*.yaml"))
    deploy_all(deployer, templates, "seeing")
    (tmp_path / "writer.yaml").write_text(writer % "new")
    _, reader = plan_all(deployer, templates, "seeing")
    assert [(each.before, each.after) for each in reader.changes[0].properties] == [("old", "new")]


def test_what_the_deployment_would_refuse_the_plan_refuses(deploy: Deploy, plan: Plan) -> None:
    deploy("Resources: {It: {Type: AWS::SQS::Queue, Properties: {QueueName: refused-plan}}}", stack="refused-plan")
    with pytest.raises(BadDefinition, match="does not change a resource's type"):
        plan("Resources: {It: {Type: AWS::SNS::Topic}}", "refused-plan")
    template = "Resources: {It: {Type: AWS::SQS::Queue, Properties: {QueueName: refused-plan, FifoQueue: false}}}"
    with pytest.raises(BadDefinition, match=r"Rename .*refused-plan and update the stack again"):
        plan(template, "refused-plan")
    with pytest.raises(BadDefinition, match="refers to Nothing"):
        plan("{Resources: {It: {Type: AWS::SQS::Queue}}, Outputs: {It: {Value: !Ref Nothing}}}", "refused-plan")


def test_an_unfinished_deployment_is_told(deploy: Deploy, plan: Plan, clients: Clients, deployer: Deployer) -> None:
    class Killed(BaseException):
        pass

    def die(**_: Any) -> None:
        raise Killed

    deploy("Resources: {Inbox: {Type: AWS::SQS::Queue}}", stack="half")
    clients("sqs").meta.events.register("after-call.sqs.CreateQueue", die)
    both = "Resources: {Inbox: {Type: AWS::SQS::Queue}, Other: {Type: AWS::SQS::Queue}}"
    try:
        with pytest.raises(Killed):
            deploy(both, stack="half")
    finally:
        clients("sqs").meta.events.unregister("after-call.sqs.CreateQueue", die)
    planned = plan(both, "half")
    assert planned.unfinished
    assert planned.changes == (ResourceChange("Other", "AWS::SQS::Queue", ResourceAction.ADD),)
    assert deploy(both, stack="half").changed == ("Other",)
