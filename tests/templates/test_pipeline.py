"""cicd/pipeline.yaml as CloudFormation would see it, for each choice of source and in each partition."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import validate_parameters

from pipeline.cloudformation.templates import load_template
from tests.templates import rendering
from tests.templates.access_rules import BOUNDED
from tests.templates.rendering import PARTITIONS
from tests.templates.rules import listed

PATH = Path(__file__).parents[2] / "cicd" / "pipeline.yaml"
GIVEN = {"ExternalId": "known-to-both-accounts", "ProductionAccount": "444455556666"}
SOURCES = {"CodeCommit": "lake", "GitHub": "weather/lake", "GitLab": "weather/data/lake"}


def rendered(source: str, partition: str = "aws") -> dict[str, Any]:
    """The properties of the resources that are made, by logical id, with nothing left to evaluate."""
    resources = rendering.rendered(PATH, partition, GIVEN | {"Source": source, "Repository": SOURCES[source]})
    return {name: each["Properties"] for name, each in resources.items()}


def as_call(value: Any) -> Any:
    """CloudFormation's names as the service's own API has them; an action's configuration is a map, left as it is."""
    if isinstance(value, list):
        return [as_call(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key[0].lower() + key[1:]: item if key == "Configuration" else as_call(item) for key, item in value.items()}


def unknown_words(value: Any, shape: Any) -> Iterator[str]:
    """Values that are none of those which the API lists: neither cfn-lint nor botocore looks at all of them."""
    if shape.type_name == "structure":
        for key, item in value.items():
            yield from unknown_words(item, shape.members[key])
    elif shape.type_name == "list":
        for item in value:
            yield from unknown_words(item, shape.member)
    elif getattr(shape, "enum", []) and value not in shape.enum:
        yield f"{shape.name}: {value}"


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("source", SOURCES)
def test_every_source_renders_to_pipelines_that_the_service_takes(source: str, partition: str) -> None:
    resources = rendered(source, partition)
    shape = botocore.session.get_session().get_service_model("codepipeline").operation_model("CreatePipeline")
    for name in ("Pipeline", "PullRequestPipeline"):
        call = {"pipeline": as_call(resources[name])}
        validate_parameters(call, shape.input_shape)
        assert list(unknown_words(call, shape.input_shape)) == []
    others = [each for each in PARTITIONS if each != partition]
    assert [each for each in others if f"arn:{each}:" in str(resources)] == []


def stage(pipeline: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in pipeline["Stages"] if each["Name"] == name)
    return found


def allowed(role: dict[str, Any], action: str) -> list[str]:
    """The resources on which a role may do an action."""
    found = []
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            if action in listed(statement["Action"]):
                found += listed(statement["Resource"])
    return found


def provider(pipeline: dict[str, Any]) -> str:
    return str(pipeline["Stages"][0]["Actions"][0]["ActionTypeId"]["Provider"])


STARTS_OF_ITSELF = {"CodeCommit": "PollForSourceChanges", "CodeStarSourceConnection": "DetectChanges"}
"""What makes a source action start its pipeline at every change unless it says no (CodePipeline, action reference)."""


@pytest.mark.parametrize("source", SOURCES)
def test_a_pipeline_is_started_by_what_the_template_says_and_by_nothing_besides(source: str) -> None:
    resources = rendered(source)
    rules = [each for each in resources.values() if "EventPattern" in each]
    for name in ("Pipeline", "PullRequestPipeline"):
        sources = [action for action in stage(resources[name], "Source")["Actions"]]
        for action in sources:
            assert action["ActionTypeId"]["Category"] == "Source"
            assert action["Configuration"][STARTS_OF_ITSELF[provider(resources[name])]] == "false", name
        started = [rule for rule in rules if rule["Targets"][0]["Arn"].endswith(f":{name}")]
        assert len(started) + len(resources[name].get("Triggers", [])) == len(sources) == 1, name


def test_codecommit_starts_each_pipeline_by_a_rule_and_needs_no_connection() -> None:
    resources = rendered("CodeCommit")
    assert provider(resources["Pipeline"]) == provider(resources["PullRequestPipeline"]) == "CodeCommit"
    targets = {name: resources[name]["Targets"][0]["Arn"].rsplit(":")[-1] for name in ("PushRule", "PullRequestRule")}
    assert targets == {"PushRule": "Pipeline", "PullRequestRule": "PullRequestPipeline"}
    assert "Connection" not in resources
    assert "Triggers" not in resources["Pipeline"]


@pytest.mark.parametrize("source", ["GitHub", "GitLab"])
def test_a_connected_source_starts_each_pipeline_by_its_own_trigger(source: str) -> None:
    resources = rendered(source)
    assert resources["Connection"]["ProviderType"] == source
    found = {}
    for name in ("Pipeline", "PullRequestPipeline"):
        assert provider(resources[name]) == "CodeStarSourceConnection"
        [trigger] = resources[name]["Triggers"]
        found[name] = sorted(trigger["GitConfiguration"])
    assert found == {
        "Pipeline": ["Push", "SourceActionName"],
        "PullRequestPipeline": ["PullRequest", "SourceActionName"],
    }
    assert "StartRole" not in resources
    assert "codecommit" not in str(resources)


@pytest.mark.parametrize("source", SOURCES)
def test_what_a_connection_fetches_may_be_put_with_its_acl(source: str) -> None:
    """Its action sends an ACL with what it fetches, and S3 refuses that without the right to (aws-cdk, issue 13557)."""
    resources = rendered(source)
    places = allowed(resources["PipelineRole"], "s3:PutObjectAcl")
    bounds = resources["PipelineBoundary"]["PolicyDocument"]["Statement"]
    bounded = [
        place for each in bounds if "s3:PutObjectAcl" in listed(each["Action"]) for place in listed(each["Resource"])
    ]
    for pipeline in ("Pipeline", "PullRequestPipeline"):
        [source_action] = stage(resources[pipeline], "Source")["Actions"]
        [artefact] = [each["Name"] for each in source_action["OutputArtifacts"]]
        # CodePipeline's keys: pipeline and artefact, cut, and what it made up.
        key = f"ArtefactBucket.Arn/{resources[pipeline]['Name'][:20]}/{artefact[:10]}/a1b2c3"
        has_it = [any(fnmatchcase(key, place) for place in each) for each in (places, bounded)]
        assert has_it == [provider(resources[pipeline]) == "CodeStarSourceConnection"] * 2


@pytest.mark.parametrize("source", SOURCES)
def test_a_pull_request_gets_the_test_stage_of_the_pipeline_and_no_other(source: str) -> None:
    resources = rendered(source)
    stages = {stage["Name"]: stage for stage in resources["Pipeline"]["Stages"]}
    assert resources["PullRequestPipeline"]["Stages"] == [stages["Source"], stages["Test"]]


def test_what_a_pull_request_runs_may_read_sources_and_write_logs_only() -> None:
    resources = rendered("GitHub")
    tests = stage(resources["PullRequestPipeline"], "Test")
    projects = [resources[f"{action['Name']}Project"] for action in tests["Actions"]]
    assert {each["ServiceRole"] for each in projects} == {"TestRole.Arn"}
    [policy] = resources["TestRole"]["Policies"]
    actions = [statement["Action"] for statement in policy["PolicyDocument"]["Statement"]]
    assert actions == [
        ["logs:CreateLogStream", "logs:PutLogEvents"],
        ["s3:GetBucketAcl", "s3:GetBucketLocation"],
        ["s3:GetObject", "s3:GetObjectVersion"],
        "kms:Decrypt",
    ]


LEAST = {
    # repost.aws, knowledge center, "How do I resolve Access Denied errors or permission issues in CodePipeline?"
    "codepipeline": {
        "ArtefactBucket.Arn": {"s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"},
        "ArtefactBucket.Arn/*": {
            *("s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionTagging"),
            *("s3:PutObject", "s3:PutObjectTagging"),
        },
    },
    # CodeBuild User Guide, "Allow CodeBuild to interact with other AWS services".
    "codebuild": {"ArtefactBucket.Arn": {"s3:GetBucketAcl", "s3:GetBucketLocation"}},
}
"""What AWS calls the least that a role of a pipeline and of its builds may do in a bucket, by service and resource."""


@pytest.mark.parametrize("source", SOURCES)
def test_the_pipeline_and_its_builds_may_do_with_their_bucket_what_aws_calls_the_least(source: str) -> None:
    resources = rendered(source)
    boundary = {"Policies": [{"PolicyDocument": resources["PipelineBoundary"]["PolicyDocument"]}]}
    found = set()
    for role in (each for name, each in resources.items() if name.endswith("Role")):
        for service, places in LEAST.items():
            if f"{service}.amazonaws.com" in str(role["AssumeRolePolicyDocument"]):
                found.add(service)
                for place, actions in places.items():
                    for who in (role, boundary):
                        assert {action for action in actions if place not in allowed(who, action)} == set(), role
    assert found == LEAST.keys()


def test_what_was_pushed_goes_through_dev_and_test_and_a_person_before_production() -> None:
    actions = [each for part in rendered("GitHub")["Pipeline"]["Stages"] for each in part["Actions"]]
    assert [each["Name"] for each in actions] == [
        *("Source", "Check", "Unit", "Flow", "Package", "DeployDev", "SmokeDev", "DeployTest"),
        *("Approve", "DeployProduction", "UpdatePipeline"),
    ]
    approve = next(each for each in actions if each["Name"] == "Approve")
    assert approve["ActionTypeId"] | {"Category": "Approval", "Provider": "Manual"} == approve["ActionTypeId"]
    # What is deployed anywhere is what was packaged once.
    deployed = [each for each in actions if each["Name"].startswith("Deploy")]
    assert {artefact["Name"] for each in deployed for artefact in each["InputArtifacts"]} == {"Packaged"}


def test_the_pipeline_updates_its_own_stack_from_the_sources_with_the_parameters_that_it_has() -> None:
    resources = rendered("GitHub")
    [action] = stage(resources["Pipeline"], "Pipeline")["Actions"]
    given = action["Configuration"]
    declared = load_template(PATH)["Parameters"]
    assert json.loads(given["ParameterOverrides"]).keys() == declared.keys()
    assert json.loads(given["ParameterOverrides"])["ProductionAccount"] == GIVEN["ProductionAccount"]
    assert (PATH.parents[1] / given["TemplatePath"].partition("::")[2]) == PATH


@pytest.mark.parametrize(("build", "env"), [("Dev", "dev"), ("Test", "test"), ("Production", "prod")])
def test_an_environments_builds_become_its_deployment_role_alone_which_admits_them_alone(build: str, env: str) -> None:
    resources = rendered("GitHub")
    role = resources[f"Deploy{build}Role"]
    account = GIVEN["ProductionAccount"] if env == "prod" else "111122223333"
    [other] = allowed(role, "sts:AssumeRole")
    environment = rendering.rendered(
        PATH.with_name("bootstrap.yaml"),
        given={"Env": env, "PipelineAccount": "111122223333", "ExternalId": GIVEN["ExternalId"]},
    )
    deployment = environment["DeploymentRole"]["Properties"]
    assert other == f"arn:aws:iam::{account}:role{deployment['Path']}{deployment['RoleName']}"
    [admitted] = deployment["AssumeRolePolicyDocument"]["Statement"]
    ours = f"arn:aws:iam::111122223333:role{role['Path']}{role['RoleName']}"
    assert admitted["Condition"] == {
        "StringEquals": {"sts:ExternalId": GIVEN["ExternalId"]},
        "ArnEquals": {"aws:PrincipalArn": ours},
    }
    variables = {
        each["Name"]: each["Value"]
        for each in resources[f"Deploy{build}Project"]["Environment"]["EnvironmentVariables"]
    }
    assert variables == {"ENVIRONMENT": env, "DEPLOYMENT_ROLE": other, "EXTERNAL_ID": GIVEN["ExternalId"]}


def test_the_pipeline_cannot_change_what_bounds_it() -> None:
    resources = rendered("GitHub")
    bounds = [resources["UpdateRole"]["Path"], resources["PipelineBoundary"]["Path"]]
    written = [arn for action in BOUNDED for arn in allowed(resources["UpdateRole"], f"iam:{action}")]
    assert bounds == ["/delivery/admin/"] * 2
    assert {arn.partition(":role/")[2] for arn in written} == {"delivery/sluice-pipeline-*"}
    # `*` of IAM spans slashes, and so the name before it must not be one that the path could begin with.
    assert not fnmatchcase("delivery/admin/sluice-pipeline-update", "delivery/sluice-pipeline-*")


@pytest.mark.parametrize("template", ["bootstrap.yaml", "pipeline.yaml"])
def test_what_is_deployed_before_there_is_a_bucket_fits_into_a_call(template: str) -> None:
    assert PATH.with_name(template).stat().st_size <= 51_200
