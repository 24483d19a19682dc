"""`sluice deploy` on an embedded lake, from a checkout of one small stack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipeline.cli import deploy
from pipeline.cli.app import app
from pipeline.cli.embedded_stacks import described
from pipeline.core.clients import client
from pipeline.core.errors import BadDefinition, BadInput, Refused, SluiceError
from pipeline.deploy.packaging import Target, package
from pipeline.emulator.cloudformation import Deployer, StackResult
from pipeline.emulator.gateway.server import Front
from pipeline.emulator.state import ENV as LOCAL_ENV
from pipeline.emulator.supervisor import ACCOUNT
from pipeline.lake.services import Lake
from tests.cli.conftest import REGION
from tests.conftest import ROOT

Deploy = Callable[..., Result]

STACK = """
Parameters: {Env: {Type: String}}
Resources:
  Inbox: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "small-${Env}", VisibilityTimeout: 40}}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties: {Name: small, DefinitionUri: ../state_machines/small.asl.json, Role: arn:aws:iam::123456789012:role/r}
"""
MACHINE = '{"StartAt": "Now", "States": {"Now": {"Type": "Pass", "Result": "%s", "End": true}}}'
NAME = f"sluice-{LOCAL_ENV}-small"

assert deploy


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout, which is the working directory."""
    for folder in ("definitions/stacks", "definitions/state_machines", "definitions/datasets", "cicd"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "cicd" / "bootstrap.yaml").write_text((ROOT / "cicd" / "bootstrap.yaml").read_text())
    (tmp_path / "definitions" / "stacks" / "small.yaml").write_text(f"Transform: AWS::Serverless-2016-10-31{STACK}")
    (tmp_path / "definitions" / "state_machines" / "small.asl.json").write_text(MACHINE % "old")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sluice(front: Front, lake: Lake, root: Path) -> Iterator[Deploy]:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["--endpoint", front.endpoint, *arguments])

    yield run
    deployer = Deployer(client, ACCOUNT, REGION)
    for name in [record.name for record in deployer.records if not record.name.endswith("bootstrap")]:
        deployer.delete(name)


def stack(result: Result, name: str = NAME) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = next(each for each in json.loads(result.stdout)["stacks"] if each["stack"] == name)
    return found


def actions(planned: dict[str, Any]) -> dict[str, str]:
    return {change["logical_id"]: change["action"] for change in planned["changes"]}


def artefacts() -> list[str]:
    bucket = next(each["Name"] for each in client("s3").list_buckets()["Buckets"] if "-artefacts-" in each["Name"])
    return [each["Key"] for each in client("s3").list_objects_v2(Bucket=bucket)["Contents"]]


def change_the_checkout(root: Path) -> None:
    template = root / "definitions" / "stacks" / "small.yaml"
    template.write_text(template.read_text().replace("VisibilityTimeout: 40", "VisibilityTimeout: 60"))
    (root / "definitions" / "state_machines" / "small.asl.json").write_text(MACHINE % "new")


def test_a_plan_of_a_lake_without_stacks_adds_them_and_changes_nothing(sluice: Deploy) -> None:
    buckets = client("s3").list_buckets()["Buckets"]
    planned = stack(sluice("deploy", "--plan", "--json"))
    assert planned["new"]
    assert actions(planned) == {"Inbox": "Add", "Machine": "Add"}
    assert client("s3").list_buckets()["Buckets"] == buckets
    assert "QueueUrls" not in client("sqs").list_queues(QueueNamePrefix="small")


def test_a_deployment_takes_the_settings_of_the_lake(sluice: Deploy, root: Path) -> None:
    template = root / "definitions" / "stacks" / "small.yaml"
    parameters = "{Env: {Type: String}, GlueWorkers: {Type: Number, Default: 2}}"
    text = template.read_text().replace("{Env: {Type: String}}", parameters)
    template.write_text(text.replace("VisibilityTimeout: 40", "VisibilityTimeout: !Ref GlueWorkers"))
    where = f"/sluice/{LOCAL_ENV}/settings/"
    client("ssm").put_parameter(Name=f"{where}glue-workers", Value="7", Type="String")
    client("ssm").put_parameter(Name=f"{where}glue-worker", Value="7", Type="String")
    try:
        for command in (["deploy", "--json"], ["deploy", "--plan", "--json"]):
            with pytest.raises(BadInput, match=f"{where}glue-worker: there is no such setting"):
                raise sluice(*command).exception or AssertionError
        assert "QueueUrls" not in client("sqs").list_queues(QueueNamePrefix="small")
        client("ssm").delete_parameter(Name=f"{where}glue-worker")
        stack(sluice("deploy", "--json"))
        url = client("sqs").get_queue_url(QueueName=f"small-{LOCAL_ENV}")["QueueUrl"]
        found = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
        assert found["Attributes"]["VisibilityTimeout"] == "7"
    finally:
        client("ssm").delete_parameters(Names=[f"{where}glue-workers", f"{where}glue-worker"])


def test_a_changed_checkout_is_planned_and_then_deployed(sluice: Deploy, root: Path) -> None:
    assert set(stack(sluice("deploy", "--json"))["changed"]) == {"Inbox", "Machine"}
    change_the_checkout(root)
    before = artefacts()
    planned = stack(sluice("deploy", "--plan", "--json"))
    assert actions(planned) == {"Inbox": "Modify", "Machine": "Modify"}
    assert planned["changes"][0]["properties"] == [
        {"path": "VisibilityTimeout", "before": 40, "after": 60, "replaces": False}
    ]
    assert artefacts() == before
    shown = sluice("deploy", "--plan").output
    assert "VisibilityTimeout: 40 → 60" in shown
    assert "nothing was changed" in shown
    arn = client("stepfunctions").list_state_machines()["stateMachines"]
    machine = next(each["stateMachineArn"] for each in arn if each["name"] == "small")
    assert '"old"' in client("stepfunctions").describe_state_machine(stateMachineArn=machine)["definition"]
    assert set(stack(sluice("deploy", "--json"))["changed"]) == {"Inbox", "Machine"}
    assert '"new"' in client("stepfunctions").describe_state_machine(stateMachineArn=machine)["definition"]
    assert json.loads(sluice("deploy", "--plan", "--json").stdout)["changes"] == 0


def test_a_failed_deployment_says_what_failed_and_that_it_was_rolled_back(sluice: Deploy, root: Path) -> None:
    sluice("deploy")
    template = root / "definitions" / "stacks" / "small.yaml"
    before = template.read_text()
    template.write_text(f"{before}\n  Bad: {{Type: AWS::S3::Bucket, Properties: {{BucketName: ab}}}}\n")
    result = sluice("deploy")
    assert isinstance(result.exception, BadDefinition)
    assert "definitions/stacks/small.yaml:9: Bad: AWS refuses it" in result.exception.message
    assert f"{NAME} was rolled back" in result.exception.message
    template.write_text(before)
    assert json.loads(sluice("deploy", "--plan", "--json").stdout)["changes"] == 0


def test_a_stack_whose_file_is_gone_is_told_and_stays(sluice: Deploy, root: Path) -> None:
    other = root / "definitions" / "stacks" / "other.yaml"
    other.write_text("Resources: {Other: {Type: AWS::SQS::Queue, Properties: {QueueName: other}}}")
    sluice("deploy")
    other.unlink()
    assert json.loads(sluice("deploy", "--plan", "--json").stdout)["without_file"] == [f"sluice-{LOCAL_ENV}-other"]
    assert "has no file; it is retained" in sluice("deploy", "--plan").output
    assert "has no file; it would be deleted" in sluice("deploy", "--plan", "--prune").output
    assert client("sqs").get_queue_url(QueueName="other")


def test_stacks_whose_files_are_gone_are_deleted_when_asked_for_readers_first(sluice: Deploy, root: Path) -> None:
    stacks = root / "definitions" / "stacks"
    (stacks / "base.yaml").write_text(
        "Resources: {Base: {Type: AWS::SQS::Queue, Properties: {QueueName: base}}}\n"
        "Outputs: {Name: {Value: !GetAtt Base.QueueName, Export: {Name: base-name}}}"
    )
    (stacks / "reader.yaml").write_text(
        "Resources:\n"
        "  Reader:\n    Type: AWS::SQS::Queue\n"
        "    Properties: {QueueName: !Sub ['${Of}-reader', {Of: !ImportValue base-name}]}\n"
        "  Kept: {Type: AWS::SQS::Queue, DeletionPolicy: Retain, Properties: {QueueName: kept}}"
    )
    sluice("deploy")
    for name in ("base", "reader"):
        (stacks / f"{name}.yaml").unlink()
    result = sluice("deploy", "--prune", "--json")
    assert result.exit_code == 0, result.output
    deleted = json.loads(result.stdout)["deleted"]
    assert [each["name"] for each in deleted] == [f"sluice-{LOCAL_ENV}-{name}" for name in ("reader", "base")]
    assert list(deleted[0]["kept"]) == ["Kept"]
    names = {url.rpartition("/")[2] for url in client("sqs").list_queues()["QueueUrls"]}
    assert "kept" in names
    assert not names & {"base", "base-reader"}
    assert stack(sluice("deploy", "--json"))
    client("sqs").delete_queue(QueueUrl=deleted[0]["kept"]["Kept"])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("deploy", "--plan"), "--profile names an account and not a lake in it"),
        (("--env", "prod", "deploy", "--prune"), "--prune is for the embedded lake"),
    ],
)
def test_what_aws_needs_to_be_told_is_said(root: Path, arguments: tuple[str, ...], complaint: str) -> None:
    result = CliRunner().invoke(app, ["--profile", "prod", *arguments])
    assert isinstance(result.exception, SluiceError)
    assert complaint in result.exception.message


def test_another_environment_is_planned_beside_the_one_that_stands(sluice: Deploy) -> None:
    sluice("deploy")
    planned = stack(sluice("deploy", "--env", "prod", "--plan", "--json"), "sluice-prod-small")
    assert planned["new"]
    assert actions(planned) == {"Inbox": "Add", "Machine": "Add"}


def test_a_package_is_deployed_as_it_was_made_whatever_became_of_the_checkout(sluice: Deploy, root: Path) -> None:
    sluice("deploy")
    made = package(root, root / "made", target=Target.EMBEDDED)
    change_the_checkout(root)
    given = ("--package", str(made.folder))
    assert json.loads(sluice("deploy", "--plan", "--json", *given).stdout)["changes"] == 0
    assert stack(sluice("deploy", "--json", *given))["changed"] == []
    assert actions(stack(sluice("deploy", "--plan", "--json"))) == {"Inbox": "Modify", "Machine": "Modify"}


def test_what_holds_messages_is_not_replaced_unless_somebody_says_so(sluice: Deploy, root: Path) -> None:
    sluice("deploy")
    template = root / "definitions" / "stacks" / "small.yaml"
    template.write_text(
        template.read_text().replace('QueueName: !Sub "small-${Env}"', 'QueueName: !Sub "other-${Env}"')
    )
    planned = sluice("deploy", "--plan")
    assert f"deletes the data of resources: Inbox of {NAME}" in planned.output
    refused = sluice("deploy")
    assert isinstance(refused.exception, Refused)
    assert isinstance(planned.exception, Refused)
    assert planned.exception.message == refused.exception.message
    assert sluice("deploy", "--plan", "--replace-stateful").exit_code == 0
    assert f"Inbox (AWS::SQS::Queue) of {NAME} replaced, for QueueName" in refused.exception.message
    assert client("sqs").get_queue_url(QueueName=f"small-{LOCAL_ENV}")
    assert stack(sluice("deploy", "--replace-stateful", "--json"))["changed"] == ["Inbox"]
    assert client("sqs").get_queue_url(QueueName=f"other-{LOCAL_ENV}")


def test_versions_that_stay_are_counted_and_other_things_named() -> None:
    where = "eu-west-1:123456789012"
    kept = {
        "WorkVersion0123456789": f"arn:aws:lambda:{where}:function:work:3",
        "MachineVersion": f"arn:aws:states:{where}:stateMachine:m:2",
        "Inbox": "https://sqs.eu-west-1.amazonaws.com/123456789012/inbox",
    }
    told = described(StackResult("stack", {}, {}, ("Work",), {}, kept=kept))
    assert told == (
        "stack: 0 resources, 1 made or changed; 2 earlier versions retained for running executions; "
        "Inbox left the stack and was retained: https://sqs.eu-west-1.amazonaws.com/123456789012/inbox"
    )


def test_a_plan_refuses_in_the_words_of_the_deployment_a_machine_that_would_be_refused(
    sluice: Deploy, root: Path
) -> None:
    sluice("deploy")
    machine = root / "definitions" / "state_machines" / "small.asl.json"
    machine.write_text('{"StartAt": "Nowhere", "States": {"Now": {"Type": "Pass", "End": true}}}')
    planned, deployed = sluice("deploy", "--plan").exception, sluice("deploy").exception
    assert isinstance(planned, BadDefinition)
    assert isinstance(deployed, BadDefinition)
    assert "AWS refuses it: InvalidDefinition: Invalid State Machine Definition: 'MISSING_TRANSITION" in planned.message
    assert deployed.message.startswith(planned.message)


def test_a_machine_that_names_what_is_not_made_yet_is_planned(sluice: Deploy, root: Path) -> None:
    template = root / "definitions" / "stacks" / "small.yaml"
    template.write_text(
        template.read_text().replace(
            "DefinitionUri: ../state_machines/small.asl.json",
            "DefinitionUri: ../state_machines/small.asl.json, DefinitionSubstitutions: {Topic: !Ref News}",
        )
        + "\n  News: {Type: AWS::SNS::Topic}\n"
    )
    tell = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "End": True}
    tell["Parameters"] = {"TopicArn": "${Topic}", "Message": "m"}
    machine = root / "definitions" / "state_machines" / "small.asl.json"
    machine.write_text(json.dumps({"StartAt": "Tell", "States": {"Tell": tell}}))
    assert actions(stack(sluice("deploy", "--plan", "--json")))["Machine"] == "Add"
