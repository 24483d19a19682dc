"""Every policy of every template as IAM would get it: rendered, with the ARN of each resource that it names."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pipeline.cloudformation.templates import load_template
from tests.conftest import ROOT
from tests.templates.rendering import rendered

TEMPLATES = sorted([*(ROOT / "definitions" / "stacks").glob("*.yaml"), *(ROOT / "cicd").glob("*.yaml")])
OPTIONS = (
    {
        "PipelineAccount": "444455556666",
        "SmokeTests": "yes",
        "AlarmEmail": "who@example.org",
        "Authorization": "iam",
        "LakeFormation": "on",
        "Crawler": "on",
        "PandasLayer": "arn:aws:lambda:eu-west-1:336392948345:layer:AWSSDKPandas-Python312:1",
        "LogEndpoint": "https://logs.example.org/",
        "LogHeaders": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sluice-dev-log-headers-AbCdEf",
        "DeploymentRole": "arn:aws:iam::111122223333:role/delivery/sluice-dev-deployment",
        "SourceKey": "arn:aws:kms:eu-west-1:111122223333:key/of-the-table",
        "Topic": "arn:aws:sns:eu-west-2:021908831235:met-office",
        "Bucket": "files-of-the-met-office",
        "TopicRegion": "eu-west-2",
        "Transform": "sql",
        "TransformWheelsUri": "s3://artefacts/transforms/weather/stations/wheels.gluewheels.zip",
        "ReadableObjects": "arn:aws:s3:::sluice-dev-curated-111122223333-eu-west-1/weather/stations/data/*",
        "ReadableFolders": "weather/stations/*",
        "ReadableTables": ",".join(
            f"arn:aws:glue:eu-west-1:111122223333:{each}"
            for each in ("catalog", "database/sluice_dev_weather", "table/sluice_dev_weather/stations")
        ),
    },
    {
        "Network": "none",
        "Source": "GitHub",
        "Repository": "weather/lake",
        "ExistingKeyArn": "arn:aws:kms:eu-west-1:111122223333:key/own",
    },
)
"""Parameters that make what is made on a condition, in one of them at least."""

HERE = "eu-west-1:111122223333"
# The ARN of a resource by its type; its logical id stands for the name that it would get.
_ARNS = {
    "AWS::CloudWatch::Alarm": f"arn:aws:cloudwatch:{HERE}:alarm:{{}}",
    "AWS::CodeBuild::Project": f"arn:aws:codebuild:{HERE}:project/{{}}",
    "AWS::CodeConnections::Connection": f"arn:aws:codeconnections:{HERE}:connection/{{}}",
    "AWS::CodePipeline::Pipeline": f"arn:aws:codepipeline:{HERE}:{{}}",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{HERE}:table/{{}}",
    "AWS::EC2::SecurityGroup": f"arn:aws:ec2:{HERE}:security-group/{{}}",
    "AWS::EC2::Subnet": f"arn:aws:ec2:{HERE}:subnet/{{}}",
    "AWS::Events::Rule": f"arn:aws:events:{HERE}:rule/{{}}",
    "AWS::Glue::Job": f"arn:aws:glue:{HERE}:job/{{}}",
    "AWS::IAM::ManagedPolicy": "arn:aws:iam::111122223333:policy/{}",
    "AWS::IAM::Role": "arn:aws:iam::111122223333:role/{}",
    "AWS::KMS::Key": f"arn:aws:kms:{HERE}:key/{{}}",
    "AWS::Lambda::Alias": f"arn:aws:lambda:{HERE}:function:{{}}:live",
    "AWS::Lambda::Function": f"arn:aws:lambda:{HERE}:function:{{}}",
    "AWS::Lambda::LayerVersion": f"arn:aws:lambda:{HERE}:layer:{{}}:1",
    "AWS::Lambda::Version": f"arn:aws:lambda:{HERE}:function:{{}}:1",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{HERE}:log-group:{{}}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{HERE}:secret:{{}}-AbCdEf",
    "AWS::SNS::Topic": f"arn:aws:sns:{HERE}:{{}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{HERE}:{{}}",
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{HERE}:stateMachine:{{}}",
}
# Of these Ref is a name, or an address, and only an attribute the ARN.
_BY_NAME = (
    "AWS::ApiGateway::ApiKey", "AWS::ApiGateway::RestApi",
    "AWS::CloudWatch::Alarm", "AWS::CodeBuild::Project", "AWS::CodePipeline::Pipeline", "AWS::DynamoDB::Table",
    "AWS::Events::Rule", "AWS::Glue::Job", "AWS::IAM::Role", "AWS::KMS::Key", "AWS::Lambda::Function",
    "AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::SQS::Queue",
)  # fmt: skip
_STORED = re.compile(r"\{\{resolve:ssm:/sluice/\w+/([^}]+)\}\}")
_REFERENCE = re.compile(r"(\w+)(\.\w*Arn)?(?=[:/*]|$)")


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy where it stands. `is_of_its_resource`: it speaks of the resource that has it, as a trust policy does,
    whose statements name none, or a key's, whose statements name `*` for the key itself."""

    template: str
    logical_id: str
    statements: tuple[dict[str, Any], ...]
    is_of_its_resource: bool = False


def policies() -> Iterator[Policy]:
    """Those of all templates; those with every option, too, and none twice."""
    seen: list[Policy] = []
    for path in TEMPLATES:
        for options in options_of(path):
            for policy in policies_of(path, options):
                if policy not in seen:
                    seen.append(policy)
    yield from seen


def options_of(path: Path) -> list[dict[str, str]]:
    """`OPTIONS`, of which a template gets what it declares."""
    declared = load_template(path).get("Parameters", {})
    return [{name: value for name, value in options.items() if name in declared} for options in OPTIONS]


def policies_of(path: Path, options: Mapping[str, str]) -> Iterator[Policy]:
    made = rendered(path, given=options)
    for logical_id, resource in made.items():
        for document, of_its_resource in _documents(resource):
            statements = tuple(_with_arns(each, made) for each in _listed(document["Statement"]))
            yield Policy(path.stem, logical_id, statements, of_its_resource)


def _documents(resource: Mapping[str, Any]) -> Iterator[tuple[Any, bool]]:
    given = resource.get("Properties", {})
    for name, of_its_resource in (("PolicyDocument", False), ("AssumeRolePolicyDocument", True), ("KeyPolicy", True)):
        if name in given:
            yield given[name], of_its_resource
    for each in given.get("Policies", ()):
        yield each["PolicyDocument"], False


def _with_arns(statement: dict[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    if "Resource" not in statement:
        return statement
    return {**statement, "Resource": [arn(each, made) for each in _listed(statement["Resource"])]}


def arn(text: str, made: Mapping[str, Any]) -> str:
    """What a rendered reference to a resource, `Queue.Arn` or `Function.Arn:*`, would be; an ARN stays as it is."""
    text = _STORED.sub(lambda found: stored()[found[1]], text)
    found = _REFERENCE.match(text)
    if not found or found[1] not in made:
        return text
    kind = made[found[1]]["Type"]
    if kind in _BY_NAME and not found[2]:
        return text
    return _ARNS[kind].format(found[1]) + text[found.end() :]


@functools.cache
def stored() -> dict[str, str]:
    """What Parameter Store has of an environment once all its stacks stand, by the end of its name."""
    found: dict[str, str] = {}
    for path in TEMPLATES:
        without_network = {"Network": "none"} if "Network" in load_template(path).get("Parameters", {}) else {}
        # What is there without a network alone is told of as `none` where there is one.
        for made in (rendered(path), *([rendered(path, given=without_network)] if without_network else [])):
            found |= {name: value for name, value in _stored_by(made) if found.get(name, "none") == "none"}
    return found


def _stored_by(made: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for resource in made.values():
        given = resource.get("Properties", {})
        # A text of other parameters is no name of a resource.
        if resource["Type"] == "AWS::SSM::Parameter" and not _STORED.search(given["Value"]):
            yield given["Name"].split("/", 3)[3], arn(given["Value"], made)


def allows(statement: Mapping[str, Any], action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Whether a statement allows an action on a resource; `context` has the keys of conditions, in lower case and
    without their service."""
    if statement["Effect"] != "Allow" or not any(fnmatchcase(action, each) for each in _listed(statement["Action"])):
        return False
    if not any(fnmatchcase(resource, pattern) for pattern in _listed(statement["Resource"])):
        return False
    for test in statement.get("Condition", {}).values():
        for key, wanted in test.items():
            asked = context.get(key.partition(":")[2].lower(), "")
            if not any(fnmatchcase(asked, pattern) for pattern in _listed(wanted)):
                return False
    return True


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
