"""Whether a stack stands as it is wanted, told from what CloudFormation says of it, without a change set. Pure."""

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
    """Whether all but the template's text is as wanted; `standing` is of DescribeStacks, `template` what is wanted.

    False wherever only a change set can tell: the last deployment did not succeed, a macro or Parameter Store has a
    say in what the template means, a parameter is hidden. Another's deployment shows in parameters, tags and role; a
    resource changed by hand does not, and shows in no change set either (CloudFormation's drift detection tells).
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
