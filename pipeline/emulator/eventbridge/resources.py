"""EventBridge rules, and schedules of EventBridge Scheduler."""

from __future__ import annotations

import json
from typing import Any

from pipeline.emulator.cloudformation.reasons import ENCRYPTION
from pipeline.emulator.cloudformation.resource_types import Aws, Made, Resource, by_reference, is_there, resource_type
from pipeline.emulator.cloudformation.tags import listed, retag


def _name(aws: Aws, resource: Resource) -> str:
    return resource.name("Name")


def _delete_rule(aws: Aws, resource: Resource, made: Made) -> None:
    bus = resource.only("EventBusName")
    if ids := [target["Id"] for target in resource.properties.get("Targets", [])]:
        aws.call("events", "remove_targets", Rule=made.reference, Ids=ids, **bus)
    aws.call("events", "delete_rule", Name=made.reference, **bus)


@resource_type(
    "AWS::Events::Rule",
    """Name Description EventBusName EventPattern.* ScheduleExpression State RoleArn Targets[].Id Targets[].Arn
    Targets[].RoleArn Targets[].Input Targets[].InputPath Targets[].InputTransformer.InputPathsMap.*
    Targets[].InputTransformer.InputTemplate Targets[].DeadLetterConfig.Arn
    Targets[].RetryPolicy.MaximumEventAgeInSeconds Targets[].RetryPolicy.MaximumRetryAttempts
    Targets[].SqsParameters.MessageGroupId""",
    fixed="EventBusName",
    delete=_delete_rule,
    find=_name,
)
def rule(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A rule with its targets."""
    name = previous.reference if previous else _name(aws, resource)
    bus = resource.only("EventBusName")
    if previous is None and is_there(aws, "events", "describe_rule", Name=name, **bus):
        raise resource.taken(name)
    given = bus | resource.only("Description", "ScheduleExpression", "State", "RoleArn")
    if "EventPattern" in resource.properties:
        given["EventPattern"] = json.dumps(resource.properties["EventPattern"])
    arn = aws.call("events", "put_rule", Name=name, **given)["RuleArn"]
    targets: list[Any] = resource.properties.get("Targets", [])
    kept = {target["Id"] for target in targets}
    if gone := [target["Id"] for target in resource.before.get("Targets", []) if target["Id"] not in kept]:
        aws.call("events", "remove_targets", Rule=name, Ids=gone, **bus)
    if targets:
        aws.call("events", "put_targets", Rule=name, Targets=targets, **bus)
    return Made(name, {"Arn": arn})


@resource_type(
    "AWS::Scheduler::Schedule",
    """Name GroupName Description ScheduleExpression ScheduleExpressionTimezone State StartDate EndDate KmsKeyArn
    FlexibleTimeWindow.Mode FlexibleTimeWindow.MaximumWindowInMinutes Target.Arn Target.RoleArn Target.Input
    Target.DeadLetterConfig.Arn Target.RetryPolicy.MaximumEventAgeInSeconds Target.RetryPolicy.MaximumRetryAttempts
    Target.SqsParameters.MessageGroupId""",
    without_effect={"KmsKeyArn": ENCRYPTION},
    # A schedule cannot move to another group, and CloudFormation does not replace it for that.
    unchangeable="GroupName",
    delete=by_reference("scheduler", "delete_schedule", "Name", "GroupName"),
    find=_name,
)
def schedule(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A schedule."""
    name = previous.reference if previous else _name(aws, resource)
    # UpdateSchedule sets what is left out to its default, which moto does not do for these.
    given = {"State": "ENABLED", "ScheduleExpressionTimezone": "UTC", **resource.properties, "Name": name}
    operation = "update_schedule" if previous else "create_schedule"
    arn = aws.call("scheduler", operation, **given)["ScheduleArn"]
    return Made(name, {"Arn": arn})


@resource_type(
    "AWS::Scheduler::ScheduleGroup",
    "Name Tags.*",
    delete=by_reference("scheduler", "delete_schedule_group", "Name"),
    find=_name,
)
def schedule_group(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    """A group of schedules."""
    if previous:
        retag(aws, resource, "scheduler", ResourceArn=previous.attributes["Arn"])
        return previous
    name, tags = _name(aws, resource), listed(resource.tags())
    arn = aws.call("scheduler", "create_schedule_group", Name=name, Tags=tags)["ScheduleGroupArn"]
    return Made(name, {"Arn": arn})
