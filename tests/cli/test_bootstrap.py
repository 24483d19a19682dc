"""`sluice bootstrap` on an embedded AWS: an environment's roles are made, the pipeline's plan is readable."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipeline.cli import commands
from pipeline.cli.app import app
from pipeline.core.clients import client
from pipeline.core.errors import BadInput, Refused
from pipeline.emulator.cloudformation import Deployer
from pipeline.emulator.gateway.server import AwsServer
from pipeline.emulator.supervisor import ACCOUNT
from pipeline.lake.services import Lake
from tests.cli.conftest import REGION

Bootstrap = Callable[..., Result]
ID = "known-to-both-accounts"
PIPELINE = ("--pipeline", "--source", "GitHub", "--repository", "weather/lake", "--external-id", ID)

commands.load()


@pytest.fixture
def bootstrap(front: AwsServer, lake: Lake) -> Iterator[Bootstrap]:
    def run(*arguments: str, env: str = "qa") -> Result:
        return CliRunner().invoke(app, ["--endpoint", front.endpoint, "--env", env, "bootstrap", *arguments])

    yield run
    deployer = Deployer(client, ACCOUNT, REGION)
    for name in [record.name for record in deployer.records]:
        deployer.delete(name)


def roles() -> set[str]:
    return {each["RoleName"] for each in client("iam").list_roles(PathPrefix="/delivery/")["Roles"]}


def test_a_plan_of_an_environment_adds_its_roles_and_makes_none(bootstrap: Bootstrap) -> None:
    planned = json.loads(bootstrap("--plan", "--json").stdout)
    [stack] = planned["stacks"]
    assert stack["new"]
    assert {"ArtefactBucket", "Boundary", "FeedsBoundary", "ForecastsBoundary", "StackRole"} <= {
        each["logical_id"] for each in stack["changes"]
    }
    assert not roles()


def test_an_environment_keeps_what_it_was_told_before(bootstrap: Bootstrap) -> None:
    done = bootstrap("--pipeline-account", "999900001111", "--external-id", ID)
    assert done.exit_code == 0, done.output
    assert roles() == {"sluice-qa-stacks", "sluice-qa-deployment"}
    again = bootstrap("--smoke-tests")
    assert again.exit_code == 0, again.output
    trust = client("iam").get_role(RoleName="sluice-qa-deployment")["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Condition"]["StringEquals"] == {"sts:ExternalId": ID}
    assert "SmokeTests" in client("iam").list_role_policies(RoleName="sluice-qa-deployment")["PolicyNames"]
    assert "unchanged" in bootstrap().output


def test_a_plan_of_the_pipeline_says_what_only_aws_has(bootstrap: Bootstrap) -> None:
    planned = json.loads(bootstrap("--plan", "--json", *PIPELINE).stdout)
    marked = {each["logical_id"] for each in planned["stacks"][0]["changes"] if each["without_effect"]}
    assert {"Pipeline", "PullRequestPipeline", "DeployProductionProject", "Connection"} <= marked
    assert not {"UpdateRole", "ArtefactBucket", "PipelineKey"} & marked
    assert "Add Pipeline AWS::CodePipeline::Pipeline only on AWS" in bootstrap("--plan", *PIPELINE).output


def parameter(env: str, name: str) -> str:
    return str(client("ssm").get_parameter(Name=f"/sluice/{env}/{name}")["Parameter"]["Value"])


def aliases() -> dict[str, str]:
    return {each["AliasName"]: each.get("TargetKeyId", "") for each in client("kms").list_aliases()["Aliases"]}


def keys_of_the_boundary(env: str) -> list[str]:
    arn = parameter(env, "boundary-arn")
    version = client("iam").get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = client("iam").get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return sorted(each["Resource"] for each in document["Statement"] if "kms:Decrypt" in each["Action"])


def test_the_lakes_key_is_made_with_an_alias_and_the_boundary_names_it_and_the_artefacts_alone(
    bootstrap: Bootstrap,
) -> None:
    done = bootstrap(env="keyed")
    assert done.exit_code == 0, done.output
    key = parameter("keyed", "key-arn")
    assert key.endswith(f":key/{aliases()['alias/sluice-keyed']}")
    assert keys_of_the_boundary("keyed") == sorted([key, parameter("keyed", "artefact-key-arn")])


def test_an_environment_whose_lake_made_a_key_gets_no_second_one(bootstrap: Bootstrap) -> None:
    own = client("kms").create_key()["KeyMetadata"]["Arn"]
    client("ssm").put_parameter(Name="/sluice/older/key-arn", Value=own, Type="String")
    for arguments in ([], ["--plan"]):
        refused = bootstrap(*arguments, env="older")
        assert isinstance(refused.exception, Refused)
        assert f"--key-arn {own}" in str(refused.exception.hint)
    done = bootstrap("--key-arn", own, env="older")
    assert done.exit_code == 0, done.output
    assert parameter("older", "key-arn") == own
    assert own in keys_of_the_boundary("older")
    assert "alias/sluice-older" not in aliases()
    assert "unchanged" in bootstrap(env="older").output


def test_what_a_flow_has_of_an_administrators_is_planned_and_deployed_after_the_environment(
    bootstrap: Bootstrap,
) -> None:
    early = bootstrap("--plan", "--flow", "feeds", env="bi")
    assert isinstance(early.exception, Refused)
    assert "sluice-bi-feeds-base" in str(early.exception)
    assert bootstrap(env="bi").exit_code == 0
    planned = json.loads(bootstrap("--plan", "--json", "--flow", "feeds", env="bi").stdout)["stacks"]
    assert [each["stack"] for each in planned] == ["sluice-bi-bootstrap", "sluice-bi-feeds-base"]
    assert {"Database", "KeyringSecret"} <= {each["logical_id"] for each in planned[1]["changes"]}
    done = json.loads(bootstrap("--flow", "feeds", "--json", env="bi").stdout)
    assert (done["changed"], done["flows"]) == (False, [{"stack": "sluice-bi-feeds-base", "changed": True}])
    assert "sluice-bi-feeds-keyring" in parameter("bi", "feed-keyring")
    assert "sluice-bi-feeds-base: unchanged" in bootstrap("--flow", "feeds", env="bi").output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--pipeline", "--repository", "lake"), "the pipeline needs --source, --external-id"),
        (("--pipeline-account", "999900001111"), "--pipeline-account needs --external-id"),
        (("--source", "GitHub"), "Source belongs to the pipeline"),
        ((*PIPELINE, "--smoke-tests"), "SmokeTests belongs to an environment"),
        ((*PIPELINE, "--flow", "feeds"), "Flow belongs to an environment"),
        (("--flow", "feedz"), "there is no flow feedz"),
    ],
)
def test_what_is_missing_or_of_the_other_stack_is_said(
    bootstrap: Bootstrap, arguments: tuple[str, ...], complaint: str
) -> None:
    result = bootstrap("--plan", *arguments)
    assert isinstance(result.exception, BadInput)
    assert complaint in str(result.exception)
