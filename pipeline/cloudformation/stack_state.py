"""Whether a stack is up to date, judged by DescribeStacks, without a change set. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def could_be_unchanged(
    standing: Mapping[str, Any],
    template: Mapping[str, Any],
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    role: str | None,
) -> bool:
    """Whether all but the template's text is as wanted; `standing` is the stack in DescribeStacks.

    False if only a change set can decide: the last deployment failed, the template depends on a macro or on Parameter
    Store, or a parameter is hidden. Deployments by others show in parameters, tags and role. Resources that were
    changed by hand do not show, as they do not in a change set; CloudFormation's drift detection finds them.
    """
    if standing["StackStatus"] not in _DONE or "Transform" in template:
        return False
    declared = template.get("Parameters", {})
    if any(str(each["Type"]).startswith("AWS::SSM::") or each.get("NoEcho") for each in declared.values()):
        return False
    wanted = {name: str(each["Default"]) for name, each in declared.items() if "Default" in each} | dict(parameters)
    there = {each["ParameterKey"]: each.get("ParameterValue", "") for each in standing.get("Parameters", [])}
    tagged = {each["Key"]: each["Value"] for each in standing.get("Tags", [])}
    return there == wanted and tagged == dict(tags) and standing.get("RoleARN") == role
