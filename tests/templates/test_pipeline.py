"""cicd/pipeline.yaml as CloudFormation would see it, for each choice of source and in each partition."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import validate_parameters

from tests.templates import rendering
from tests.templates.rendering import PARTITIONS

PATH = Path(__file__).parents[2] / "cicd" / "pipeline.yaml"
SOURCES = {"CodeCommit": "lake", "GitHub": "weather/lake", "GitLab": "weather/data/lake"}


def rendered(source: str, partition: str = "aws") -> dict[str, Any]:
    """The properties of the resources that are made, by logical id, with nothing left to evaluate."""
    resources = rendering.rendered(PATH, partition, {"Source": source, "Repository": SOURCES[source]})
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


def provider(pipeline: dict[str, Any]) -> str:
    return str(pipeline["Stages"][0]["Actions"][0]["ActionTypeId"]["Provider"])


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
def test_a_pull_request_gets_the_test_stage_of_the_pipeline_and_no_other(source: str) -> None:
    resources = rendered(source)
    stages = {stage["Name"]: stage for stage in resources["Pipeline"]["Stages"]}
    assert resources["PullRequestPipeline"]["Stages"] == [stages["Source"], stages["Test"]]


def test_what_a_pull_request_runs_may_read_sources_and_write_logs_only() -> None:
    resources = rendered("GitHub")
    roles = {each["ServiceRole"] for name, each in resources.items() if name.endswith("Project")}
    assert roles == {"TestRole.Arn"}
    [policy] = resources["TestRole"]["Policies"]
    actions = [statement["Action"] for statement in policy["PolicyDocument"]["Statement"]]
    assert actions == [
        ["logs:CreateLogStream", "logs:PutLogEvents"],
        ["s3:GetObject", "s3:GetObjectVersion"],
        "kms:Decrypt",
    ]
