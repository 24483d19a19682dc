"""API keys and usage plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.emulator.apigateway.resources import SERVICE, arn, removed, replaced
from pipeline.emulator.cloudformation.resource_types import (
    Aws,
    Made,
    Resource,
    by_reference,
    nowhere,
    resource_type,
)
from pipeline.emulator.cloudformation.tags import retag


@resource_type(
    "AWS::ApiGateway::ApiKey",
    "Name Description Enabled Value CustomerId GenerateDistinctId Tags.*",
    without_effect={"GenerateDistinctId": "a key's value is another than its id in any case"},
    delete=by_reference(SERVICE, "delete_api_key", "apiKey"),
    find=nowhere,
)
def api_key(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """An API key."""
    given = resource.properties
    name = resource.name("Name", longest=128)
    if previous is None:
        wanted = resource.only("Description", "Enabled", "Value", "CustomerId")
        lowered = {key[0].lower() + key[1:]: value for key, value in wanted.items()}
        made = aws.call(SERVICE, "create_api_key", name=name, tags=resource.tags(), **lowered)
        return Made(made["id"], {"APIKeyId": made["id"]})
    changes = {
        "/description": given.get("Description", ""),
        "/enabled": given.get("Enabled", False),
        "/customerId": given.get("CustomerId", ""),
    }
    aws.call(SERVICE, "update_api_key", apiKey=previous.reference, patchOperations=replaced(changes))
    retag(aws, resource, SERVICE, resourceArn=arn(aws, f"apikeys/{previous.reference}"))
    return previous


def _delete_plan(aws: Aws, resource: Resource, made: Made) -> None:
    """A plan that has stages is not deleted."""
    stages = [{"op": "remove", "path": "/apiStages", "value": each} for each in _stages(resource.properties)]
    if stages:
        aws.call(SERVICE, "update_usage_plan", usagePlanId=made.reference, patchOperations=stages)
    aws.call(SERVICE, "delete_usage_plan", usagePlanId=made.reference)


def _stages(given: Mapping[str, Any]) -> list[str]:
    return [f"{each['ApiId']}:{each['Stage']}" for each in given.get("ApiStages") or []]


def _limits(given: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for group, names in (("Throttle", ("RateLimit", "BurstLimit")), ("Quota", ("Limit", "Period", "Offset"))):
        for name in names:
            if name in (given.get(group) or {}):
                found[f"/{group.lower()}/{name[0].lower()}{name[1:]}"] = given[group][name]
    return found


@resource_type(
    "AWS::ApiGateway::UsagePlan",
    "UsagePlanName Description ApiStages[].ApiId ApiStages[].Stage Throttle.RateLimit Throttle.BurstLimit Quota.Limit "
    "Quota.Period Quota.Offset Tags.*",
    delete=_delete_plan,
    find=nowhere,
)
def usage_plan(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A usage plan."""
    given, before = resource.properties, resource.before
    name = resource.name("UsagePlanName", longest=128)
    if previous is None:
        plan = aws.call(SERVICE, "create_usage_plan", name=name, tags=resource.tags())["id"]
    else:
        plan = previous.reference
        retag(aws, resource, SERVICE, resourceArn=arn(aws, f"usageplans/{plan}"))
    changes = replaced({"/name": name, "/description": given.get("Description", ""), **_limits(given)})
    groups = [f"/{group.lower()}" for group in resource.left_out("Throttle", "Quota")]
    single = [path for path in _limits(before) if path not in _limits(given) and not path.startswith(tuple(groups))]
    stages = [
        {"op": op, "path": "/apiStages", "value": each}
        for op, these, others in (("add", given, before), ("remove", before, given))
        for each in _stages(these)
        if each not in _stages(others)
    ]
    operations = [*removed(*groups, *single), *changes, *stages]
    aws.call(SERVICE, "update_usage_plan", usagePlanId=plan, patchOperations=operations)
    return Made(plan, {"Id": plan})


def _delete_plan_key(aws: Aws, resource: Resource, made: Made) -> None:
    given = resource.properties
    aws.call(SERVICE, "delete_usage_plan_key", usagePlanId=given["UsagePlanId"], keyId=given["KeyId"])


def _plan_key(resource: Resource) -> str:
    return f"{resource.properties['KeyId']}:{resource.properties['UsagePlanId']}"


@resource_type(
    "AWS::ApiGateway::UsagePlanKey",
    "KeyId KeyType UsagePlanId",
    delete=_delete_plan_key,
    find=lambda aws, resource: _plan_key(resource),
)
def usage_plan_key(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A key's place in a usage plan."""
    given = resource.properties
    if previous is None:
        aws.call(
            SERVICE,
            "create_usage_plan_key",
            usagePlanId=given["UsagePlanId"],
            keyId=given["KeyId"],
            keyType=given["KeyType"],
        )
    return Made(_plan_key(resource), {"Id": _plan_key(resource)})
