"""A stack whose template, parameters and whatever it reads elsewhere are the same is left alone, at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.emulator.cloudformation import Deployer, StackResult, deployer, plans

Clients = Callable[[str], Any]
Deploy = Callable[..., StackResult]
Plan = Callable[[str, str], tuple[str, ...]]

READS = """
Parameters:
  Stored: {Type: AWS::SSM::Parameter::Value<String>, Default: /unchanged/stored}
  Longest: {Type: String, Default: "5"}
Resources:
  Inbox:
    Type: AWS::SQS::Queue
    Properties:
      KmsMasterKeyId: alias/any
      VisibilityTimeout: !Ref Stored
      DelaySeconds: !Ref Longest
      MessageRetentionPeriod: "{{resolve:ssm:/unchanged/resolved}}"
      ReceiveMessageWaitTimeSeconds: !ImportValue unchanged-wait
"""
EXPORTS = "{Resources: {A: {Type: AWS::SQS::Queue}}, Outputs: {W: {Value: '%s', Export: {Name: unchanged-wait}}}}"
SECRET = """
Resources:
  Url: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: "{{resolve:secretsmanager:unchanged}}"}}
"""
HIDDEN = """
Parameters: {Word: {Type: String, NoEcho: true}}
Resources: {Url: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Word}}}
"""


@pytest.fixture
def worked_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stacks that a deployment or a plan had to work out."""
    names: list[str] = []
    for module in (deployer, plans):
        whole = module.prepare

        def prepare(aws: Any, name: str, *rest: Any, whole: Any = whole, **more: Any) -> Any:
            names.append(name)
            return whole(aws, name, *rest, **more)

        monkeypatch.setattr(module, "prepare", prepare)
    return names


@pytest.fixture(scope="module")
def stored(clients: Clients) -> Callable[[str, str], None]:
    def put(name: str, value: str) -> None:
        clients("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)

    put("/unchanged/stored", "30")
    put("/unchanged/resolved", "600")
    return put


@pytest.fixture
def plan(deployer: Deployer, tmp_path: Path) -> Plan:
    def run(text: str, stack: str) -> tuple[str, ...]:
        path = tmp_path / "planned.yaml"
        path.write_text(text)
        return tuple(change.logical_id for change in deployer.planner().plan(stack, path, {}).changes)

    return run


@pytest.mark.usefixtures("stored")
def test_the_same_is_not_worked_out_again_and_answers_the_same(
    deploy: Deploy, plan: Plan, worked_out: list[str]
) -> None:
    deploy(EXPORTS % 3, stack="unchanged-exporting")
    first = deploy(READS, stack="unchanged")
    worked_out.clear()
    again = deploy(READS, stack="unchanged")
    assert plan(READS, "unchanged") == ()
    assert worked_out == []
    assert (again.outputs, again.resources) == (first.outputs, first.resources)
    assert again.accepted_without_effect == first.accepted_without_effect != {}
    assert again.changed == again.removed == ()


def test_whatever_it_is_made_from_is_seen_to_change(deploy: Deploy, plan: Plan, stored: Callable[..., None]) -> None:
    deploy(EXPORTS % 3, stack="unchanged-exporting")
    deploy(READS, stack="unchanged")
    stored("/unchanged/stored", "31")
    assert plan(READS, "unchanged") == deploy(READS, stack="unchanged").changed == ("Inbox",)
    stored("/unchanged/resolved", "601")
    assert plan(READS, "unchanged") == deploy(READS, stack="unchanged").changed == ("Inbox",)
    assert deploy(READS, stack="unchanged", Longest="6").changed == ("Inbox",)
    assert deploy(READS, stack="unchanged", Longest="6").changed == ()
    other = READS.replace("alias/any", "alias/other")
    assert deploy(other, stack="unchanged", Longest="6").changed == ("Inbox",)


def test_a_plan_sees_what_the_stacks_before_would_publish(
    deploy: Deploy, deployer: Deployer, tmp_path: Path, stored: Callable[..., None]
) -> None:
    publishing = "Resources: {P: {Type: AWS::SSM::Parameter, Properties: {Name: /before/a, Type: String, Value: '%s'}}}"
    reading = "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: '{{resolve:ssm:/before/a}}'}}}"
    deploy(publishing % 1, stack="before-publishing")
    deploy(reading, stack="before-reading")
    planner = deployer.planner()
    for name, text in (("before-publishing", publishing % 2), ("before-reading", reading)):
        (tmp_path / "t.yaml").write_text(text)
        changes = planner.plan(name, tmp_path / "t.yaml", {}).changes
    assert [change.logical_id for change in changes] == ["Q"]


@pytest.mark.parametrize(("template", "given"), [(SECRET, {}), (HIDDEN, {"Word": "open sesame"})])
def test_what_is_secret_leaves_no_digest_behind_that_could_be_guessed_at(
    deploy: Deploy, deployer: Deployer, clients: Clients, worked_out: list[str], template: str, given: dict[str, str]
) -> None:
    if not given:
        clients("secretsmanager").create_secret(Name="unchanged", SecretString="open sesame")
    name = f"unchanged-secret-{len(given)}"
    deploy(template, stack=name, **given)
    deploy(template, stack=name, **given)
    assert worked_out == [name, name]
    assert (record := deployer.records.read_again(name))
    assert record.made_from == ""
