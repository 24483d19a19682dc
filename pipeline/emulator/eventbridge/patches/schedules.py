"""Schedules in moto: what our clock would not fire as AWS does is refused when it is made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.events.models import EventsBackend
from moto.scheduler.models import EventBridgeSchedulerBackend

from pipeline.core.errors import BadDefinition
from pipeline.emulator.moto.guard import replace

Check = Callable[[str, str | None, list[dict[str, Any]]], None]
"""Raises BadDefinition for an expression, its time zone and its targets."""

_lock = threading.Lock()
_installed = False


def install(check: Check) -> None:
    """Ask `check` about every schedule and scheduled rule from now on; once a process."""
    global _installed
    with _lock:
        if _installed:
            return
        _installed = True
    _check_schedules(check)
    _check_rules(check)


def _check_schedules(check: Check) -> None:
    for name, source in (("create_schedule", "513099380dbd"), ("update_schedule", "15f9bd86f239")):
        _check_schedule(name, source, check)


def _check_schedule(name: str, source: str, check: Check) -> None:
    def checked(self: Any, **fields: Any) -> Any:
        zone = fields["schedule_expression_timezone"]
        _refuse(lambda: check(fields["schedule_expression"], zone, [fields["target"]]))
        return original(self, **fields)

    original = replace(EventBridgeSchedulerBackend, name, checked, source=source)
    wraps(original)(checked)


def _check_rules(check: Check) -> None:
    @wraps(EventsBackend.put_rule)
    def put_rule(self: Any, *args: Any, **fields: Any) -> Any:
        if expression := fields.get("scheduled_expression"):
            _refuse(lambda: check(expression, None, []))
            if expression.startswith("at("):
                raise JsonRESTError("ValidationException", "Parameter ScheduleExpression is not valid.")
        return put(self, *args, **fields)

    put = replace(EventsBackend, "put_rule", put_rule, source="28bf0ac76b1b")


def _refuse(ask: Callable[[], None]) -> None:
    try:
        ask()
    except BadDefinition as error:
        raise JsonRESTError("ValidationException", error.message) from error
