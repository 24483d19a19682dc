"""EventBridge Scheduler: a group that is not there cannot be deleted: an error of Python in moto, 404 on AWS."""

from __future__ import annotations

from typing import Any

from pipeline.emulator.moto.guard import replace


def install() -> None:
    from moto.scheduler.exceptions import ScheduleGroupNotFound
    from moto.scheduler.models import EventBridgeSchedulerBackend

    def delete(self: Any, name: str | None) -> None:
        if name and name not in self.schedule_groups:
            refused: Exception = ScheduleGroupNotFound(name)
            raise refused
        original(self, name)

    original = replace(EventBridgeSchedulerBackend, "delete_schedule_group", delete, source="2372efcd19b8")
