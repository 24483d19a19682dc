"""What watches a deployed lake. The embedded lake has a person before it: these types are accepted and not made."""

from __future__ import annotations

from pipeline.emulator.cloudformation.reasons import ALARMS
from pipeline.emulator.cloudformation.resource_types import Aws, Made, Put, Resource, only_on_aws


def _not_made(name_property: str, arn_service: str, arn_prefix: str) -> Put:
    def put(aws: Aws, resource: Resource, previous: Made | None) -> Made:
        name = resource.name(name_property, longest=255)
        return Made(name, {"Arn": aws.arn(arn_service, f"{arn_prefix}{name}")})

    return put


for _type, _name, _service, _prefix in (
    ("AWS::CloudWatch::Alarm", "AlarmName", "cloudwatch", "alarm:"),
    ("AWS::CloudWatch::CompositeAlarm", "AlarmName", "cloudwatch", "alarm:"),
    ("AWS::CloudWatch::Dashboard", "DashboardName", "cloudwatch", "dashboard/"),
    ("AWS::Logs::MetricFilter", "FilterName", "logs", "metric-filter:"),
):
    only_on_aws(_type, ALARMS, _not_made(_name, _service, _prefix))
