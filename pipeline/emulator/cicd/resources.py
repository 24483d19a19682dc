"""The delivery pipeline and rollouts, which only AWS has: accepted, so that their templates can be planned here."""

from __future__ import annotations

from pipeline.emulator.cloudformation.reasons import DELIVERY, ROLLOUTS
from pipeline.emulator.cloudformation.resource_types import Aws, Made, Put, Resource, only_on_aws


def _not_made(name_property: str, service: str, prefix: str, attribute: str) -> Put:
    def put(aws: Aws, resource: Resource, previous: Made | None) -> Made:
        name = resource.name(name_property, longest=100)
        return Made(name, {attribute: aws.arn(service, f"{prefix}{name}")})

    return put


for _type, _name, _service, _prefix, _attribute in (
    ("AWS::CodeBuild::Project", "Name", "codebuild", "project/", "Arn"),
    ("AWS::CodePipeline::Pipeline", "Name", "codepipeline", "", "Arn"),
    ("AWS::CodeConnections::Connection", "ConnectionName", "codeconnections", "connection/", "ConnectionArn"),
):
    only_on_aws(_type, DELIVERY, _not_made(_name, _service, _prefix, _attribute))


def _rollout(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    return Made(resource.name("Name", longest=100))


for _type in ("AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup"):
    only_on_aws(_type, ROLLOUTS, _rollout)
