"""What CloudFormation and the embedded one have in common as makers of stacks: one suite, on moto in this process.

moto refuses no template: how CloudFormation's refusals are handed on is in `test_aws_stacks`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.cloudformation.changes import ResourceAction
from pipeline.core.clients import client
from pipeline.core.errors import Refused
from pipeline.deploy.aws_stacks import CloudFormationStacks
from pipeline.deploy.embedded import EmbeddedStacks
from pipeline.deploy.engine import LakePlan, Stacks

TEMPLATE = """
Parameters: {Seconds: {Type: String}, Name: {Type: String, Default: inbox}}
Resources:
  Inbox: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Name}}
  Published: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: /published, Value: !Ref Seconds}}
"""

Make = Callable[[bool], Stacks]


@pytest.fixture(params=["CloudFormation", "embedded"])
def make(request: pytest.FixtureRequest, aws: None) -> Make:
    """Makes a backend that may replace what holds something, or may not."""
    if request.param == "embedded":
        return lambda replaces: EmbeddedStacks(replace_stateful=replaces)
    return lambda replaces: CloudFormationStacks(client("cloudformation"), replace_stateful=replaces, delay_s=0)


@pytest.fixture
def stacks(make: Make) -> Stacks:
    return make(False)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)
    return path


def queues() -> set[str]:
    return {url.rpartition("/")[2] for url in client("sqs").list_queues().get("QueueUrls", [])}


def published() -> str:
    return str(client("ssm").get_parameter(Name="/published")["Parameter"]["Value"])


def test_a_plan_names_what_would_be_made_and_makes_nothing(stacks: Stacks, template: Path) -> None:
    planned = stacks.plan("s", template, {"Seconds": "10"})
    assert planned.is_new
    assert {change.logical_id: change.action for change in planned.changes} == {
        "Inbox": ResourceAction.ADD,
        "Published": ResourceAction.ADD,
    }
    assert queues() == set()
    assert stacks.parameters("s") == {}


def test_a_stack_is_made_once_and_then_left_alone(stacks: Stacks, template: Path) -> None:
    assert stacks.deploy("s", template, {"Seconds": "10"}).changed
    assert queues() == {"inbox"}
    assert stacks.parameters("s")["Seconds"] == "10"
    assert not stacks.deploy("s", template, {"Seconds": "10"}).changed
    planned = stacks.plan("s", template, {"Seconds": "10"})
    assert (planned.is_new, planned.changes) == (False, ())


def test_a_change_is_planned_and_then_made(stacks: Stacks, template: Path) -> None:
    stacks.deploy("s", template, {"Seconds": "10"})
    # A new value of a parameter alone, moto's change sets do not see.
    template.write_text(TEMPLATE.replace("Value: !Ref Seconds", "Value: changed"))
    planned = stacks.plan("s", template, {"Seconds": "10"})
    assert [(change.logical_id, change.action) for change in planned.changes] == [("Published", ResourceAction.MODIFY)]
    assert published() == "10"
    assert stacks.deploy("s", template, {"Seconds": "10"}).changed
    assert published() == "changed"


def test_what_holds_something_is_not_taken_away_unasked(stacks: Stacks, make: Make, template: Path) -> None:
    stacks.deploy("s", template, {"Seconds": "10"})
    template.write_text(TEMPLATE.replace("  Inbox:", "  Other:"))
    renamed = {"Seconds": "10", "Name": "outbox"}
    with pytest.raises(Refused, match="would delete the data of resources: Inbox"):
        stacks.deploy("s", template, renamed)
    assert queues() == {"inbox"}
    assert make(True).deploy("s", template, renamed).changed
    assert queues() == {"outbox"}


def test_a_stack_is_deleted_once(stacks: Stacks, template: Path) -> None:
    stacks.deploy("s", template, {"Seconds": "10"})
    assert stacks.delete("s")
    assert queues() == set()
    assert not stacks.delete("s")


@pytest.mark.parametrize("lake_stands", [True, False])
def test_what_a_plan_found_standing_is_looked_at_again_only_after_a_change(
    aws: None, template: Path, lake_stands: bool
) -> None:
    stacks = EmbeddedStacks()
    template.write_text(TEMPLATE.replace("/published", '!Sub "/${Name}"'))
    for name in ("lake", "standing", "changed"):
        stacks.deploy(name, template, {"Seconds": name, "Name": name})
    plans = [stacks.plan(name, template, {"Seconds": name, "Name": name}) for name in ("lake", "standing")]
    plans += [stacks.plan("changed", template, {"Seconds": "20", "Name": "changed"})]
    assert [plan.stands for plan in plans] == [True, True, False]
    of_lake = plans[:1] if lake_stands else plans[2:]
    after = stacks.after(LakePlan(of_lake, plans[1:]), replace_stateful=False)
    # Only another process can have changed what it gets meanwhile.
    assert after.deploy("standing", template, {"Seconds": "30", "Name": "standing"}).changed is not lake_stands
    assert after.deploy("changed", template, {"Seconds": "20", "Name": "changed"}).changed


def test_whoever_deploys_to_aws_imports_nothing_of_the_embedded_aws() -> None:
    script = """
import sys
import pipeline.deploy.aws, pipeline.deploy.engine, pipeline.deploy.datasets.definitions, pipeline.deploy.packaging
print(*[name for name in sys.modules if name.startswith("pipeline.emulator")])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
