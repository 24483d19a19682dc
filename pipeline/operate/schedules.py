"""The schedules of datasets, of their polls and of their tables' upkeep: what comes next, pausing and resuming.

A paused poll is a disabled schedule of EventBridge Scheduler. Upkeep has no schedule of its own: a poll opens it when
it is due, unless it is paused. Who paused and why is recorded before, so that nothing stands still without a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.core.clients import client
from pipeline.core.errors import BadInput, Refused
from pipeline.core.events.schedule_expressions import Rate, parse
from pipeline.lake.batches.pauses import LONGEST_REASON, Pause, Paused
from pipeline.lake.batches.records import Lock
from pipeline.lake.batches.upkeep import is_turn
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.operate.datasets import next_run

_KEPT = (
    "Name",
    "GroupName",
    "Description",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "EndDate",
    "FlexibleTimeWindow",
    "KmsKeyArn",
    "Target",
    "ActionAfterCompletion",
)
"""What UpdateSchedule sets to its default unless it is said again (EventBridge Scheduler's API reference)."""


@dataclass(frozen=True, slots=True)
class Planned:
    """When a dataset is polled and its table kept up. `within_s` is for a rate, whose next time AWS does not tell."""

    dataset: str
    schedule: str | None
    next_run: str | None
    within_s: float | None
    paused: Pause | None
    upkeep_due: str | None
    is_kept_up: bool
    upkeep_paused: Pause | None

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return {
            "dataset": self.dataset,
            "schedule": self.schedule,
            "next_run": self.next_run,
            "within_s": self.within_s,
            "paused": self.paused.to_json() if self.paused else None,
            "upkeep_due": self.upkeep_due,
            "is_kept_up": self.is_kept_up,
            "upkeep_paused": self.upkeep_paused.to_json() if self.upkeep_paused else None,
        }


def planned(lake: Lake, registrations: Sequence[Registration]) -> list[Planned]:
    """The schedules of these datasets, in their order; two calls for up to a hundred of them."""
    names = [str(registration.name) for registration in registrations]
    pauses, locks, now = lake.pauses.of(names), lake.batches.locks(names), lake.clock()
    return [
        _planned(registration, pauses.get(name, {}), locks[name], now)
        for name, registration in zip(names, registrations, strict=True)
    ]


def _planned(registration: Registration, pauses: dict[Paused, Pause], lock: Lock, now: datetime) -> Planned:
    dataset, paused = registration.dataset, pauses.get(Paused.SCHEDULE)
    stands = not registration.is_closed
    expression = parse(dataset.stage_b.schedule)
    runs = stands and paused is None
    return Planned(
        dataset=str(registration.name),
        schedule=dataset.stage_b.schedule if stands else None,
        next_run=next_run(dataset, now) if runs else None,
        within_s=expression.every.total_seconds() if runs and isinstance(expression, Rate) else None,
        paused=paused,
        upkeep_due=lock.upkeep_due,
        is_kept_up=lock.active is not None and is_turn(lock.active),
        upkeep_paused=pauses.get(Paused.UPKEEP),
    )


def pause(lake: Lake, registration: Registration, what: Paused, by: str, why: str) -> str:
    """Pause a dataset's schedule or its table's upkeep; what was done, in words. Of a paused one nothing changes.

    `BadInput` without a reason; `Refused` for a dataset that has no schedule.
    """
    why = why.strip()
    if not why:
        raise BadInput("a pause needs a reason", hint="Others will ask why nothing is loaded.")
    if len(why) > LONGEST_REASON:
        raise BadInput(f"a reason has at most {LONGEST_REASON:,} characters")
    name, schedule = str(registration.name), _schedule(registration, what)
    is_new = lake.pauses.put(name, what, by, why)
    if schedule:
        try:
            # Also of a paused one: a pause that broke off is finished by the next.
            _set_state(schedule, "DISABLED")
        except BaseException:
            if is_new:
                lake.pauses.remove(name, what)
            raise
    if not is_new:
        before = lake.pauses.of([name]).get(name, {}).get(what)
        return f"It is paused already{f' since {before.since}, by {before.by}: {before.why}' if before else ''}."
    if what is Paused.UPKEEP:
        return "Its upkeep is paused: no turn begins. One that runs goes on to its end."
    return "Its schedule is paused: objects are still staged, and wait. A batch that runs goes on to its end."


def resume(lake: Lake, registration: Registration, what: Paused) -> str:
    """End a pause; what was done, in words. `Refused` for a dataset that has no schedule, or is not paused."""
    name, schedule = str(registration.name), _schedule(registration, what)
    # Before anything is changed: a schedule that somebody disabled by other means is not ours to enable.
    if what not in lake.pauses.of([name]).get(name, {}):
        raise Refused(f"{'upkeep' if what is Paused.UPKEEP else 'the schedule'} of {name} is not paused")
    if schedule:
        _set_state(schedule, "ENABLED")
    lake.pauses.remove(name, what)
    return "Its upkeep goes on when it is due." if what is Paused.UPKEEP else "Its schedule runs again."


def _schedule(registration: Registration, what: Paused) -> str | None:
    """The schedule that has to be set; None for upkeep."""
    name = registration.name
    if registration.is_closed:
        raise Refused(f"dataset {name} is retired, and has no schedule any more", hint="Apply it again first.")
    if what is Paused.UPKEEP:
        return None
    if registration.schedule is None:
        raise Refused(
            f"dataset {name} was applied by an earlier release, which did not register its schedule",
            hint=f"Run `sluice datasets apply {name}` first.",
        )
    return registration.schedule


def _set_state(schedule: str, state: str) -> None:
    scheduler = client("scheduler")
    try:
        found = scheduler.get_schedule(Name=schedule)
    except scheduler.exceptions.ResourceNotFoundException:
        raise Refused(f"there is no schedule {schedule}", hint="Apply the dataset: that makes it again.") from None
    if found["State"] != state:
        given = {name: found[name] for name in _KEPT if found.get(name) is not None}
        scheduler.update_schedule(**given, State=state)
