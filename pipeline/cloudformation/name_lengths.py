"""Checks, before a deployment, that the names in templates are short enough for their services. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pipeline.core.errors import BadInput

STACK = 128
"""The longest name of a stack, in characters (CloudFormation quotas)."""

LIMITS: Mapping[tuple[str, str], int] = MappingProxyType(
    {
        ("AWS::ApiGateway::ApiKey", "Name"): 1024,
        ("AWS::CloudWatch::Dashboard", "DashboardName"): 255,
        ("AWS::CodeBuild::Project", "Name"): 150,
        ("AWS::CodeConnections::Connection", "ConnectionName"): 32,
        ("AWS::CodePipeline::Pipeline", "Name"): 100,
        ("AWS::DynamoDB::Table", "TableName"): 255,
        ("AWS::Events::Rule", "Name"): 64,
        ("AWS::Glue::Crawler", "Name"): 255,
        ("AWS::Glue::Job", "Name"): 255,
        ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"): 128,
        ("AWS::IAM::Policy", "PolicyName"): 128,
        ("AWS::IAM::Role", "RoleName"): 64,
        ("AWS::KMS::Alias", "AliasName"): 256,
        ("AWS::Logs::LogGroup", "LogGroupName"): 512,
        ("AWS::RDS::DBProxy", "DBProxyName"): 63,
        ("AWS::S3::Bucket", "BucketName"): 63,
        ("AWS::SNS::Topic", "TopicName"): 256,
        ("AWS::SQS::Queue", "QueueName"): 80,
        ("AWS::SSM::Parameter", "Name"): 1011,
        ("AWS::Scheduler::Schedule", "Name"): 64,
        ("AWS::SecretsManager::Secret", "Name"): 512,
        ("AWS::Serverless::LayerVersion", "LayerName"): 140,
        ("AWS::Serverless::StateMachine", "Name"): 80,
    }
)
"""The longest name by type and property, in characters. Resources without a name in the template get one that fits."""

_REFERENCE = re.compile(r"\$\{([^}]+)\}")
_ACCOUNT = "0" * 12


@dataclass(frozen=True, slots=True)
class LongName:
    """A name that is too long for its service, and the parameters that it is made of."""

    what: str
    name: str
    allowed: int
    made_of: tuple[str, ...]

    def __str__(self) -> str:
        shorten = f"; shorten {' or '.join(self.made_of)}" if self.made_of else ""
        return f"{self.what}: {self.name} has {len(self.name)} characters, and {self.allowed} are allowed{shorten}"


def check(stacks: Iterable[tuple[str, Mapping[str, Any], Mapping[str, str]]], region: str) -> None:
    """`BadInput` with every name that is too long, a line each; stacks are (name, template, parameters)."""
    if complaints := [str(each) for stack in stacks for each in too_long(*stack, region)]:
        raise BadInput("\n".join(complaints))


def too_long(stack: str, template: Mapping[str, Any], parameters: Mapping[str, str], region: str) -> Iterator[LongName]:
    """The names, of a stack and its resources, that are too long in a region."""
    if len(stack) > STACK:
        yield LongName("stack", stack, STACK, tuple(name for name, value in parameters.items() if value in stack))
    defaults = {name: each["Default"] for name, each in template.get("Parameters", {}).items() if "Default" in each}
    known = {**defaults, **parameters, "AWS::AccountId": _ACCOUNT, "AWS::Region": region, "AWS::StackName": stack}
    for logical_id, resource in template["Resources"].items():
        for name, value in resource.get("Properties", {}).items():
            allowed = LIMITS.get((resource["Type"], name))
            given = _text(value, known) if allowed else None
            if allowed and given and len(given[0]) > allowed:
                yield LongName(f"{stack}, {logical_id}", given[0], allowed, given[1])


def _text(value: Any, known: Mapping[str, Any]) -> tuple[str, tuple[str, ...]] | None:
    """A name and the parameters in it; None if it depends on values that are not known yet."""
    if isinstance(value, dict) and "Ref" in value:
        value = {"Fn::Sub": f"${{{value['Ref']}}}"}
    if isinstance(value, dict):
        value = value.get("Fn::Sub")
    if not isinstance(value, str):
        return None
    named = _REFERENCE.findall(value)
    if not all(name in known for name in named):
        return None
    parameters = tuple(name for name in named if not name.startswith("AWS::"))
    return _REFERENCE.sub(lambda match: str(known[match[1]]), value), parameters
