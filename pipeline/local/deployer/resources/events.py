"""EventBridge rules, and schedules of EventBridge Scheduler."""

from __future__ import annotations

import json

from pipeline.local.deployer.resources.reasons import ENCRYPTION
from pipeline.local.deployer.types import Aws, Made, Resource, resource_type


@resource_type(
    "AWS::Events::Rule",
    """Name Description EventBusName EventPattern.* ScheduleExpression State RoleArn Targets[].Id Targets[].Arn
    Targets[].RoleArn Targets[].Input Targets[].InputPath Targets[].InputTransformer.InputPathsMap.*
    Targets[].InputTransformer.InputTemplate Targets[].DeadLetterConfig.Arn
    Targets[].RetryPolicy.MaximumEventAgeInSeconds Targets[].RetryPolicy.MaximumRetryAttempts
    Targets[].SqsParameters.MessageGroupId""",
    fixed="Name EventBusName",
)
def rule(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    name = previous.reference if previous else resource.name("Name")
    given = resource.only("Description", "EventBusName", "ScheduleExpression", "State", "RoleArn")
    if "EventPattern" in resource.properties:
        given["EventPattern"] = json.dumps(resource.properties["EventPattern"])
    arn = aws.call("events", "put_rule", Name=name, **given)["RuleArn"]
    if targets := resource.properties.get("Targets"):
        aws.call("events", "put_targets", Rule=name, Targets=targets, **resource.only("EventBusName"))
    return Made(name, {"Arn": arn})


@resource_type(
    "AWS::Scheduler::Schedule",
    """Name GroupName Description ScheduleExpression ScheduleExpressionTimezone State StartDate EndDate KmsKeyArn
    FlexibleTimeWindow.Mode FlexibleTimeWindow.MaximumWindowInMinutes Target.Arn Target.RoleArn Target.Input
    Target.DeadLetterConfig.Arn Target.RetryPolicy.MaximumEventAgeInSeconds Target.RetryPolicy.MaximumRetryAttempts
    Target.SqsParameters.MessageGroupId""",
    without_effect={"KmsKeyArn": ENCRYPTION},
    fixed="Name GroupName",
)
def schedule(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    name = previous.reference if previous else resource.name("Name")
    given = {key: value for key, value in resource.properties.items() if key != "Name"}
    operation = "update_schedule" if previous else "create_schedule"
    arn = aws.call("scheduler", operation, Name=name, **given)["ScheduleArn"]
    return Made(name, {"Arn": arn})


@resource_type("AWS::Scheduler::ScheduleGroup", "Name Tags.*", updates=False)
def schedule_group(aws: Aws, resource: Resource, previous: Made | None) -> Made:
    name = resource.name("Name")
    tags = [{"Key": key, "Value": value} for key, value in resource.tags().items()]
    arn = aws.call("scheduler", "create_schedule_group", Name=name, Tags=tags)["ScheduleGroupArn"]
    return Made(name, {"Arn": arn})
