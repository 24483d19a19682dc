"""What watches a deployed lake. The embedded lake has a person before it: these types are accepted and not made."""

from __future__ import annotations

from pipeline.emulator.cloudformation.reasons import ALARMS
from pipeline.emulator.cloudformation.resource_types import Aws, Made, Put, Resource, nothing, nowhere, resource_type


def _not_made(name_property: str, arn_service: str, arn_prefix: str) -> Put:
    def put(aws: Aws, resource: Resource, previous: Made | None) -> Made:
        name = resource.name(name_property, longest=255)
        return Made(name, {"Arn": aws.arn(arn_service, f"{arn_prefix}{name}")})

    return put


for _type, _fixed, _service, _prefix in (
    ("AWS::CloudWatch::Alarm", "AlarmName", "cloudwatch", "alarm:"),
    ("AWS::CloudWatch::CompositeAlarm", "AlarmName", "cloudwatch", "alarm:"),
    ("AWS::CloudWatch::Dashboard", "DashboardName", "cloudwatch", "dashboard/"),
    ("AWS::Logs::MetricFilter", "FilterName LogGroupName", "logs", "metric-filter:"),
):
    resource_type(_type, "*", without_effect={"": ALARMS}, fixed=_fixed, delete=nothing, find=nowhere)(
        _not_made(_fixed.split()[0], _service, _prefix)
    )
