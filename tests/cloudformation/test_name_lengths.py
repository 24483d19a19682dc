"""Names are short enough in every region, for the longest of what they are made of; what is too long is told first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from pipeline.cloudformation.name_lengths import LIMITS, check, too_long
from pipeline.cloudformation.templates import load_template
from pipeline.cloudformation.templates import stack_name as lake_stack_name
from pipeline.core.errors import BadInput
from pipeline.deploy.datasets.application import stack_name, team_stack_name
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.files import NAMES_LENGTH
from tests.conftest import ROOT

TEMPLATES = {path.stem: load_template(path) for path in sorted(ROOT.glob("definitions/stacks/*.yaml"))}
TEMPLATES |= {path.stem: load_template(path) for path in sorted(ROOT.glob("cicd/*.yaml"))}
BOOTSTRAP = TEMPLATES["bootstrap"]["Parameters"]
# Where the schemas give no length: the service's own model, by service, operation and member, or its documentation.
OF_THE_MODEL = {
    ("AWS::CodeBuild::Project", "Name"): ("codebuild", "CreateProject", "name"),
    ("AWS::CodePipeline::Pipeline", "Name"): ("codepipeline", "CreatePipeline", "pipeline.name"),
    ("AWS::Glue::Crawler", "Name"): ("glue", "CreateCrawler", "Name"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"): ("iam", "CreatePolicy", "PolicyName"),
    ("AWS::RDS::DBProxy", "DBProxyName"): ("rds", "CreateDBProxy", "DBProxyName"),
    ("AWS::Serverless::LayerVersion", "LayerName"): ("lambda", "PublishLayerVersion", "LayerName"),
    ("AWS::Serverless::StateMachine", "Name"): ("stepfunctions", "CreateStateMachine", "name"),
}
DOCUMENTED = {
    ("AWS::ApiGateway::ApiKey", "Name"): 1024,
    ("AWS::CloudWatch::Dashboard", "DashboardName"): 255,
    # The schema's 1024 is for its ARN.
    ("AWS::DynamoDB::Table", "TableName"): 255,
    ("AWS::SQS::Queue", "QueueName"): 80,
    # With the account's ARN around it; the API's 2048 is for the whole.
    ("AWS::SSM::Parameter", "Name"): 1011,
}


def longest(pattern: str, character: str = "a") -> str:
    """The longest name of a pattern whose last part repeats."""
    length = 1 + int(re.search(r",(\d+)\}$", pattern)[1])  # type: ignore[index]
    assert re.fullmatch(pattern, character * length)
    assert not re.fullmatch(pattern, character * (length + 1))
    return character * length


LAKE = longest(BOOTSTRAP["Lake"]["AllowedPattern"])
ENV = longest(BOOTSTRAP["Env"]["AllowedPattern"])


def regions() -> list[str]:
    session = botocore.session.get_session()
    found = (session.get_available_regions("s3", each) for each in session.get_available_partitions())
    return sorted({region for each in found for region in each})


NAMES_OF_OTHERS = {("AWS::EC2::VPCEndpoint", "ServiceName"), ("AWS::Lambda::Permission", "FunctionName")}
"""What something else is called."""
WITHOUT_LIMIT = {("AWS::ApiGateway::RestApi", "Name"), ("AWS::ApiGateway::UsagePlan", "UsagePlanName")}
"""AWS publishes none, in schemas, models and quotas."""


def named() -> Iterator[tuple[str, tuple[str, str]]]:
    """The properties that name what templates make: those of the schemas whose value a template makes of parameters."""
    for stem, template in TEMPLATES.items():
        for logical_id, resource in template["Resources"].items():
            for name, value in resource.get("Properties", {}).items():
                kind = (resource["Type"], name)
                if (
                    name.endswith("Name")
                    and isinstance(value, dict)
                    and "${" in str(value)
                    and kind not in NAMES_OF_OTHERS | WITHOUT_LIMIT
                ):
                    yield f"{stem}-{logical_id}", kind


def test_every_name_that_is_made_of_parameters_has_a_limit() -> None:
    assert {kind for _, kind in named()} & LIMITS.keys()
    assert {what: kind for what, kind in named() if kind not in LIMITS} == {}


@pytest.mark.thorough
@pytest.mark.parametrize("kind", LIMITS, ids=".".join)
def test_a_limit_is_that_of_the_service(kind: tuple[str, str]) -> None:
    if kind in DOCUMENTED:
        assert LIMITS[kind] == DOCUMENTED[kind]
    elif kind in OF_THE_MODEL:
        service, operation, member = OF_THE_MODEL[kind]
        shape: Any = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
        for each in member.split("."):
            shape = shape.members[each]
        assert LIMITS[kind] == shape.metadata["max"]
    else:
        # Dear to import, and each process that runs tests reads this file.
        from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind[0]).schema
        assert LIMITS[kind] == schema["properties"][kind[1]]["maxLength"]


def test_the_longest_names_fit_in_every_region() -> None:
    assert len(regions()) > 30
    assert any(each.startswith("us-gov-") for each in regions())
    half = NAMES_LENGTH // 2
    team, dataset = "t" * half, "d" * (NAMES_LENGTH - half)
    many = {"Team": team, "Dataset": dataset}
    stacks = {stem: lake_stack_name(LAKE, ENV, stem) for stem in TEMPLATES}
    stacks["dataset"] = stack_name("sluice", ENV, DatasetName(team, dataset))
    stacks["team"] = team_stack_name(LAKE, ENV, team)
    for region in regions():
        for stem, template in TEMPLATES.items():
            # What datasets may be called is for the lake that the commands deploy.
            lake = "sluice" if stem in ("dataset", "team") else LAKE
            found = too_long(stacks[stem], template, {"Lake": lake, "Env": ENV, **many}, region)
            assert [str(each) for each in found] == [], region


def test_a_name_that_is_too_long_is_told_with_what_to_shorten() -> None:
    given = {"Lake": "sluice", "Env": "a-very-long-name-of-an-environment"}
    with pytest.raises(BadInput) as raised:
        check([("sluice-x-storage", TEMPLATES["storage"], given)], "ap-southeast-1")
    assert "sluice-x-storage, RawBucket: sluice-a-very-long-name-of-an-environment-raw-000000000000" in str(
        raised.value
    )
    assert "characters, and 63 are allowed; shorten Lake or Env" in str(raised.value)


def test_a_stack_whose_own_name_is_too_long_is_told() -> None:
    with pytest.raises(BadInput, match=r"stack: s+ has 129 characters, and 128 are allowed"):
        check([("s" * 129, {"Resources": {}}, {})], "eu-west-1")
