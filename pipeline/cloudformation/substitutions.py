"""The substitutions that a template gives a state machine's definition, computed without a deployment, for tests."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.cloudformation.templates import load_template
from pipeline.state_machines.placeholders import ACCOUNT, PSEUDO, REGION

_MACHINES = ("AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine")
_FILES = ("DefinitionUri", "DefinitionS3Location")
_SUB = re.compile(r"\$\{([^!}][^}]*)\}")
_ARNS = {
    "AWS::Serverless::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Serverless::StateMachine": "states:{region}:{account}:stateMachine:{name}",
    "AWS::StepFunctions::StateMachine": "states:{region}:{account}:stateMachine:{name}",
    "AWS::StepFunctions::Activity": "states:{region}:{account}:activity:{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::Serverless::SimpleTable": "dynamodb:{region}:{account}:table/{name}",
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::ECS::Cluster": "ecs:{region}:{account}:cluster/{name}",
    "AWS::ECS::TaskDefinition": "ecs:{region}:{account}:task-definition/{name}:1",
    "AWS::Events::EventBus": "events:{region}:{account}:event-bus/{name}",
}
_REF_IS_ARN = frozenset(
    {"AWS::SNS::Topic", "AWS::StepFunctions::Activity", "AWS::ECS::TaskDefinition"} | set(_MACHINES)
)
_UNKNOWN = object()


def substitutions(path: Path, machine: str) -> dict[str, str]:
    """The DefinitionSubstitutions, as texts, of the machine whose definition is `<machine>.asl.json`.

    Resources are named after their logical ids. Values that only a deployment knows (an import, an attribute other than
    an ARN) are left out. `BadDefinition` for a template that cannot be read.
    """
    template = load_template(path)
    texts: dict[str, str] = {}
    for resource in template["Resources"].values():
        given = resource.get("Properties", {}) if resource.get("Type") in _MACHINES else {}
        files = [given.get(field) for field in _FILES]
        if not any(Path(file).name.split(".")[0] == machine for file in files if isinstance(file, str)):
            continue
        for name, value in (given.get("DefinitionSubstitutions") or {}).items():
            text = _value(value, template)
            if text is not _UNKNOWN:
                texts[name] = text if isinstance(text, str) else json.dumps(text)
    return texts


def _value(value: Any, template: Mapping[str, Any]) -> Any:
    if not isinstance(value, dict) or len(value) != 1:
        return value
    [(function, argument)] = value.items()
    if function == "Ref":
        return _ref(argument, template)
    if function == "Fn::GetAtt":
        parts = argument if isinstance(argument, list) else str(argument).split(".", 1)
        return _attribute(parts[0], parts[1], template) if len(parts) == 2 else _UNKNOWN
    if function == "Fn::Sub":
        return _filled(argument, template)
    if function == "Fn::Join":
        delimiter, parts = argument
        values = [_value(part, template) for part in parts]
        return _UNKNOWN if _UNKNOWN in values else delimiter.join(map(str, values))
    return _UNKNOWN


def _ref(name: str, template: Mapping[str, Any]) -> Any:
    if name in PSEUDO:
        return PSEUDO[name]
    if name in template.get("Parameters", {}):
        return template["Parameters"][name].get("Default", _UNKNOWN)
    kind = template["Resources"].get(name, {}).get("Type")
    if kind is None:
        return _UNKNOWN
    if kind == "AWS::SQS::Queue":
        return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
    return _attribute(name, "Arn", template) if kind in _REF_IS_ARN else name


def _attribute(name: str, attribute: str, template: Mapping[str, Any]) -> Any:
    form = _ARNS.get(template["Resources"].get(name, {}).get("Type"))
    if attribute.endswith("Arn") and form is not None:
        return "arn:aws:" + form.format(region=REGION, account=ACCOUNT, name=name)
    return name if attribute.endswith("Name") else _UNKNOWN


def _filled(argument: Any, template: Mapping[str, Any]) -> Any:
    pattern, own = argument if isinstance(argument, list) else (argument, {})
    left = False

    def value(match: re.Match[str]) -> str:
        nonlocal left
        name = match[1]
        reference = {"Fn::GetAtt": name.split(".", 1)} if "." in name else {"Ref": name}
        text = _value(own.get(name, reference), template)
        left = left or text is _UNKNOWN
        return "" if text is _UNKNOWN else str(text)

    done = _SUB.sub(value, pattern)
    return _UNKNOWN if left else done.replace("${!", "${")
