"""CloudWatch Logs: subscription filters give a function the events that match them.

moto gives every event to every filter whatever its pattern, runs the function within PutLogEvents, and takes
destinations that nothing here reads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.logs.exceptions import InvalidParameterException, LimitExceededException, ResourceNotFoundException
from moto.logs.models import LogGroup, LogsBackend, LogStream
from moto.logs.responses import LogsResponse

from pipeline.emulator.logs.patches.streams import Terms
from pipeline.emulator.logs.subscriptions import Subscription, send
from pipeline.emulator.moto.patch import patch

FILTERS_A_GROUP = 2
"""Subscription filters of one log group (AWS quota)."""

_NOT_DONE = ("applyOnTransformedLogs", "distribution", "emitSystemFields", "fieldSelectionCriteria", "roleArn")


@patch("moto.logs.models:LogStream._send_log_events", "28c8e81b695b", "moto reads no pattern and waits")
def _send_log_events(
    self: LogStream, service: str, destination_arn: str, filter_name: str, log_events: Sequence[dict[str, Any]]
) -> None:
    terms = Terms(self.log_group.subscription_filters[filter_name].filter_pattern or "")
    matching = [{**event, "id": str(event["id"])} for event in log_events if terms.matches(event["message"])]
    whose = Subscription(
        self.account_id, self.log_group.name, self.log_stream_name, filter_name, function=destination_arn
    )
    send(whose, matching)


@patch(
    "moto.logs.responses:LogsResponse.put_subscription_filter",
    "99b3106ec5f3",
    "moto drops what it does not know",
)
def _put_response(self: LogsResponse) -> str:
    for name in _NOT_DONE:
        if self._get_param(name):
            raise InvalidParameterException(
                f"The embedded AWS does not honour {name} of a subscription filter: it gives functions every event "
                "that matches, as it was written."
            )
    return str(_put_response.original(self))


@patch(
    "moto.logs.models:LogsBackend.put_subscription_filter",
    "fb9f70a87b8e",
    "moto takes any destination",
)
def _put_subscription_filter(
    self: LogsBackend, log_group_name: str, filter_name: str, filter_pattern: str, destination_arn: str, role_arn: str
) -> None:
    group = self.groups.get(log_group_name)
    if not group:
        raise ResourceNotFoundException()
    if unread := Terms(filter_pattern or "").unread:
        raise InvalidParameterException(
            f"The embedded AWS reads filter patterns of words and quoted phrases, with - and ? before them; "
            f"not {unread!r}."
        )
    _check_destination(self, destination_arn, group)
    others = group.subscription_filters.keys() - {filter_name}
    if len(others) >= FILTERS_A_GROUP:
        raise LimitExceededException()
    known = group.subscription_filters.pop(filter_name, None)
    group.put_subscription_filter(filter_name, filter_pattern, destination_arn, role_arn)
    if known is not None:
        group.subscription_filters[filter_name].creation_time = known.creation_time


@patch(
    "moto.logs.responses:LogsResponse.describe_subscription_filters",
    "e2ddfb6daf7d",
    "moto has no pages",
)
def _describe_response(self: LogsResponse) -> str:
    prefix, limit = self._get_param("filterNamePrefix") or "", int(self._get_param("limit") or 50)
    after = self._get_param("nextToken") or ""
    every = sorted(
        self.logs_backend.describe_subscription_filters(self._get_param("logGroupName")), key=lambda each: each.name
    )
    found = [each for each in every if each.name.startswith(prefix) and each.name > after]
    shown = [{name: value for name, value in each.to_json().items() if value is not None} for each in found[:limit]]
    more = {"nextToken": shown[-1]["filterName"]} if len(found) > limit else {}
    return json.dumps({"subscriptionFilters": shown, **more})


def _check_destination(logs: LogsBackend, arn: str, group: LogGroup) -> None:
    """A function of this account and region that CloudWatch Logs may invoke for this group, as AWS tries when asked."""
    if not arn.startswith("arn:") or arn.split(":")[2] != "lambda":
        raise InvalidParameterException(
            f"The embedded AWS delivers log events to functions, not to {arn}. Subscribe a function."
        )
    region, account = arn.split(":")[3:5]
    refused = InvalidParameterException(
        "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your "
        "function."
    )
    if (region, account) != (logs.region_name, logs.account_id):
        raise refused
    try:
        found = lambda_backends[account][region].get_function(arn)
    except UnknownFunctionException:
        raise refused from None
    if not any(_allows(statement, arn, group) for statement in found.policy.statements):
        raise refused


def _allows(statement: dict[str, Any], arn: str, group: LogGroup) -> bool:
    """Whether a statement of a function's policy lets CloudWatch Logs invoke it for a group."""
    principal = statement.get("Principal")
    service = principal.get("Service", "") if isinstance(principal, dict) else ""
    conditions = statement.get("Condition", {})
    source = conditions.get("ArnLike", {}).get("AWS:SourceArn", "*")
    account = conditions.get("StringEquals", {}).get("AWS:SourceAccount", group.account_id)
    return (
        statement.get("Effect") == "Allow"
        and statement.get("Action") in ("lambda:InvokeFunction", "lambda:*")
        and service.split(".")[0] == "logs"
        and statement.get("Resource") == arn
        and fnmatchcase(f"{group.arn}:*", source)
        and account == group.account_id
    )
