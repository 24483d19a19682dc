"""Schedules and rules are one account's: a test leaves none to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture
def no_schedules_left(front: Any, aws: Callable[[str], Any]) -> Iterator[None]:
    yield
    scheduler, events = aws("scheduler"), aws("events")
    for found in scheduler.list_schedules()["Schedules"]:
        scheduler.delete_schedule(Name=found["Name"])
    for rule in events.list_rules()["Rules"]:
        ids = [target["Id"] for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]]
        if ids:
            events.remove_targets(Rule=rule["Name"], Ids=ids)
        events.delete_rule(Name=rule["Name"])
