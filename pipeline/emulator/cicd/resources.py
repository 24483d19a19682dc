"""The delivery pipeline and rollouts, which only AWS has: accepted, so that their templates can be planned here."""

from __future__ import annotations

from pipeline.emulator.cloudformation.reasons import DELIVERY, ROLLOUTS
from pipeline.emulator.cloudformation.resource_types import Aws, Made, Put, Resource, nothing, nowhere, resource_type


def _not_made(name_property: str, service: str, prefix: str, attribute: str) -> Put:
    def put(aws: Aws, resource: Resource, previous: Made | None) -> Made:
        name = resource.name(name_property, longest=100)
        return Made(name, {attribute: aws.arn(service, f"{prefix}{name}")})

    return put


for _type, _name, _service, _prefix, _attribute in (
    ("AWS::CodeBuild::Project", "Name", "codebuild", "project/", "Arn"),
    ("AWS::CodePipeline::Pipeline", "Name", "codepipeline", "", "Arn"),
    (
        "AWS::CodeConnections::Connection",
        "ConnectionName ProviderType HostArn",
        "codeconnections",
        "connection/",
        "ConnectionArn",
    ),
):
    resource_type(_type, "*", without_effect={"": DELIVERY}, fixed=_name, delete=nothing, find=nowhere)(
        _not_made(_name.split()[0], _service, _prefix, _attribute)
    )


def _rollout(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    return Made(resource.name("Name", longest=100))


for _type, _fixed in (
    ("AWS::CodeDeploy::Application", "ApplicationName ComputePlatform"),
    ("AWS::CodeDeploy::DeploymentGroup", "ApplicationName DeploymentGroupName"),
):
    resource_type(_type, "*", without_effect={"": ROLLOUTS}, fixed=_fixed, delete=nothing, find=nowhere)(_rollout)
