"""Deploying to AWS, against moto's CloudFormation: it makes the resources of plain templates, and expands no SAM."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.clients import client
from pipeline.core.errors import BadInput, Refused
from pipeline.deploy import aws as on_aws
from pipeline.deploy import engine
from pipeline.deploy.aws_stacks import ResourceProgress
from pipeline.deploy.packaging import Package, Target, package

ACCOUNT = "123456789012"
FIRST = """
Parameters: {Env: {Type: String}, Lake: {Type: String}, GlueWorkers: {Type: Number}}
Resources:
  Inbox: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "${Lake}-${Env}-inbox"}}
  Name: {Type: AWS::SSM::Parameter, Properties: {Type: String, Name: !Sub "/sluice/${Env}/inbox", Value: !Ref Inbox}}
"""
SECOND = """
Parameters: {Env: {Type: String}}
Resources:
  Seen: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "of-{{resolve:ssm:/sluice/${Env}/inbox}}"}}
"""


@pytest.fixture
def made(tmp_path: Path) -> Package:
    for name, text in (("b_first", FIRST), ("a_second", SECOND)):
        path = tmp_path / "definitions" / "stacks" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "deequ.jar").write_bytes(b"jar")
    return package(tmp_path, tmp_path / "package", target=Target.AWS, jars=[tmp_path / "deequ.jar"])


@pytest.fixture
def bootstrapped(aws: None) -> None:
    client("s3").create_bucket(Bucket="artefacts", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    role = f"arn:aws:iam::{ACCOUNT}:role/delivery/sluice-dev-stacks"
    key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/k"
    for name, value in (("artefact-bucket", "artefacts"), ("stack-role-arn", role), ("key-arn", key)):
        client("ssm").put_parameter(Name=f"/sluice/dev/{name}", Value=value, Type="String")


def test_an_environment_that_nobody_bootstrapped_is_refused_with_what_to_do(aws: None) -> None:
    with pytest.raises(Refused, match="dev is not bootstrapped: Parameter Store has no artefact-bucket") as caught:
        on_aws.environment("dev")
    assert "--env dev bootstrap" in str(caught.value.hint)


def test_a_wrong_setting_stops_a_deployment_before_it_begins(bootstrapped: None) -> None:
    client("ssm").put_parameter(Name="/sluice/dev/settings/glue-workers", Value="one", Type="String")
    with pytest.raises(BadInput, match="/sluice/dev/settings/glue-workers: 'one' is not allowed"):
        on_aws.environment("dev")


def test_stacks_are_planned_and_nothing_is_uploaded(bootstrapped: None, made: Package, tmp_path: Path) -> None:
    (tmp_path / "definitions" / "datasets").mkdir()
    plans = engine.plan(tmp_path, on_aws.AwsBackend(on_aws.environment("dev")), made).stacks
    assert [plan.name for plan in plans] == ["sluice-dev-b-first", "sluice-dev-a-second"]
    assert all(plan.is_new for plan in plans)
    assert client("s3").list_objects_v2(Bucket="artefacts")["KeyCount"] == 0


def test_stacks_are_deployed_in_order_with_settings_tags_and_the_stack_role(
    bootstrapped: None, made: Package, tmp_path: Path
) -> None:
    client("ssm").put_parameter(Name="/sluice/dev/settings/glue-workers", Value="5", Type="String")
    reported: list[ResourceProgress] = []
    backend = on_aws.AwsBackend(on_aws.environment("dev"), reported.append)
    deploying = engine.deploy(tmp_path, backend, made)
    name, first = next(deploying)
    assert (name, first.changed) == ("sluice-dev-b-first", True)
    assert client("sqs").get_queue_url(QueueName="sluice-dev-inbox")
    [stack] = client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    assert {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}["GlueWorkers"] == "5"
    assert {each["Key"]: each["Value"] for each in stack["Tags"]} == {"Env": "dev", "Lake": "sluice"}
    keys = [each["Key"] for each in client("s3").list_objects_v2(Bucket="artefacts")["Contents"]]
    assert [key for key in keys if key.endswith("deequ.jar")]
    deploying.close()


def test_a_template_that_cloudformation_reads_from_the_bucket_stays_as_its_deployment_put_it(
    bootstrapped: None, tmp_path: Path
) -> None:
    """Two deployments at once would else each read what the other put last."""
    stacks = on_aws.AwsBackend(on_aws.environment("dev")).stacks
    path, texts = tmp_path / "long.yaml", []
    for name in ("first", "second"):
        path.write_text(f"Resources: {{Inbox: {{Type: AWS::SQS::Queue}}}}\n# {name} {'#' * 51_200}\n")
        texts.append(path.read_bytes())
        assert stacks.deploy(name, path, {}).changed
    s3 = client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="artefacts")["Contents"]]
    found = [s3.get_object(Bucket="artefacts", Key=key)["Body"].read() for key in keys]
    assert sorted(found) == sorted(texts)
    assert [key for key in keys if not key.endswith("/long.yaml")] == []
