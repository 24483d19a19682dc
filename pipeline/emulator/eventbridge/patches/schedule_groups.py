"""EventBridge Scheduler: a group that is not there cannot be deleted: an error of Python in moto, 404 on AWS."""

from __future__ import annotations

from typing import Any

from pipeline.emulator.moto.patch import patch


@patch(
    "moto.scheduler.models:EventBridgeSchedulerBackend.delete_schedule_group",
    "2372efcd19b8",
    "a group that is not there fails moto",
)
def _delete(self: Any, name: str | None) -> None:
    from moto.scheduler.exceptions import ScheduleGroupNotFound

    if name and name not in self.schedule_groups:
        refused: Exception = ScheduleGroupNotFound(name)
        raise refused
    _delete.original(self, name)
