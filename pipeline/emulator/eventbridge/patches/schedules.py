"""Schedules in moto: what our clock would not fire as AWS does is refused when it is made."""

from __future__ import annotations

from typing import Any

from pipeline.core.errors import BadDefinition
from pipeline.core.events.schedule_expressions import parse
from pipeline.emulator.eventbridge.targets import check_target
from pipeline.emulator.moto.patch import patch


@patch("moto.scheduler.models:EventBridgeSchedulerBackend.create_schedule", "513099380dbd", "moto takes any expression")
def _create_schedule(self: Any, **fields: Any) -> Any:
    _check_schedule(fields)
    return _create_schedule.original(self, **fields)


@patch("moto.scheduler.models:EventBridgeSchedulerBackend.update_schedule", "15f9bd86f239", "moto takes any expression")
def _update_schedule(self: Any, **fields: Any) -> Any:
    _check_schedule(fields)
    return _update_schedule.original(self, **fields)


@patch("moto.events.models:EventsBackend.put_rule", "28bf0ac76b1b", "moto takes any expression")
def _put_rule(self: Any, *args: Any, **fields: Any) -> Any:
    from moto.core.exceptions import JsonRESTError

    if expression := fields.get("scheduled_expression"):
        _check(expression, None, [])
        if expression.startswith("at("):
            raise JsonRESTError("ValidationException", "Parameter ScheduleExpression is not valid.")
    return _put_rule.original(self, *args, **fields)


def _check_schedule(fields: dict[str, Any]) -> None:
    _check(fields["schedule_expression"], fields["schedule_expression_timezone"], [fields["target"]])


def _check(expression: str, zone: str | None, targets: list[dict[str, Any]]) -> None:
    """Refuse a schedule that would not run here as it does on AWS."""
    from moto.core.exceptions import JsonRESTError

    try:
        parse(expression, zone)
        for target in targets:
            check_target(target)
    except BadDefinition as error:
        raise JsonRESTError("ValidationException", error.message) from error
