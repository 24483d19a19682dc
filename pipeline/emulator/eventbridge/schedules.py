"""The clock: fires EventBridge Scheduler's schedules and EventBridge's scheduled rules at their targets.

moto keeps both and never fires them. They are looked up in its state, in this process, every second.
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.core.clock import Clock, system_clock
from pipeline.core.events.schedule_expressions import Rate, parse
from pipeline.emulator.eventbridge.rules import target_input
from pipeline.emulator.eventbridge.targets import Target
from pipeline.emulator.repetition import Repetition

TICK_S = 1.0

Deliver = Callable[[str, Target, str], None]
"""Send to a target: the ARN of the schedule or rule, the target and what it gets. Must not block."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A schedule or a scheduled rule as it stands.

    `targets` are JSON, so that an entry can be looked up; `anchor` is the time that a rate counts from, None for now.
    """

    arn: str
    expression: str
    zone: str | None
    targets: tuple[str, ...]
    source: str
    anchor: datetime | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    delete_when_done: bool = False

    def gives(self, texts: Collection[str]) -> bool:
        """Whether what a target gets has one of `texts`, whole, as a JSON text."""
        inputs = [str(json.loads(target).get("Input", "")) for target in self.targets]
        return any(json.dumps(text) in given for given in inputs for text in texts)

    @property
    def is_rule(self) -> bool:
        """Whether it is a scheduled rule, and not a schedule of Scheduler."""
        return self.source == "aws.events"


class Schedules:
    """Sends to the targets of enabled schedules, by `deliver`, when they are due by `clock`.

    A schedule by rate of EventBridge Scheduler fires when it is made and then every period, a rule after one period.
    Firings that were missed because the machine slept are made up for by one.
    """

    def __init__(self, deliver: Deliver, *, clock: Clock = system_clock) -> None:
        self._deliver = deliver
        self._clock = clock
        self._due: dict[Entry, datetime | None] = {}
        self._lock = threading.Lock()
        self._ticks = Repetition("schedules", TICK_S, self.tick)

    def start(self) -> None:
        """Begin to fire what is due."""
        self._ticks.start()

    def stop(self) -> None:
        """End, and wait for the thread."""
        self._ticks.stop()

    def run_now(self, of: Collection[str] = ()) -> int:
        """Fire enabled schedules now, whatever their time; returns how many. Their own times stay as they are.

        All, or those alone that give a target one of the texts `of`, as the lake's give the name of their dataset.
        """
        entries = [entry for entry in _entries() if not of or entry.gives(of)]
        for entry in entries:
            self._fire(entry, self._clock())
        return len(entries)

    def tick(self) -> int:
        """Fire what is due; returns how many schedules fired."""
        now = self._clock()
        fired = 0
        with self._lock:
            entries = list(_entries())
            self._due = {
                entry: self._due[entry] if entry in self._due else self._first(entry, now) for entry in entries
            }
            for entry, due in self._due.items():
                if due is not None and due <= now:
                    self._fire(entry, due)
                    fired += 1
                    self._due[entry] = self._next(entry, now)
                    if self._due[entry] is None and entry.delete_when_done:
                        _delete(entry)
        return fired

    def _first(self, entry: Entry, now: datetime) -> datetime | None:
        expression = parse(entry.expression, entry.zone)
        anchor = entry.starts or entry.anchor or now
        if isinstance(expression, Rate):
            return _bounded(entry, anchor + expression.every if entry.is_rule else anchor)
        return _bounded(entry, expression.after(anchor, anchor))

    def _next(self, entry: Entry, now: datetime) -> datetime | None:
        expression = parse(entry.expression, entry.zone)
        return _bounded(entry, expression.after(now, entry.starts or entry.anchor or now))

    def _fire(self, entry: Entry, due: datetime) -> None:
        for text in entry.targets:
            target = json.loads(text)
            try:
                self._deliver(entry.arn, target, _body(entry, target, due))
            except Exception:
                _log.exception("schedule %s cannot fire at %s", entry.arn, target["Arn"])


def _bounded(entry: Entry, due: datetime | None) -> datetime | None:
    return None if due is None or (entry.ends and due > entry.ends) else due


def _body(entry: Entry, target: Target, due: datetime) -> str:
    moment = due.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    execution = str(uuid.uuid4())
    if entry.is_rule:
        return target_input(target, _event(entry, moment, execution))
    text: str | None = target.get("Input")
    if text is None:
        return json.dumps(_event(entry, moment, execution))
    for name, value in (
        ("schedule-arn", entry.arn),
        ("scheduled-time", moment),
        ("execution-id", execution),
        ("attempt-number", "1"),
    ):
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def _event(entry: Entry, moment: str, execution: str) -> dict[str, Any]:
    _, _, _, region, account, *_ = entry.arn.split(":")
    return {
        "version": "0",
        "id": execution,
        "detail-type": "Scheduled Event",
        "source": entry.source,
        "account": account,
        "time": moment,
        "region": region,
        "resources": [entry.arn],
        "detail": {} if entry.is_rule else "{}",
    }


def _entries() -> Iterator[Entry]:
    """Everything that is enabled, in every account and region."""
    from moto.events.models import events_backends
    from moto.scheduler.models import scheduler_backends

    for backend in _each(scheduler_backends):
        for group in list(backend.schedule_groups.values()):
            yield from (_of_schedule(found) for found in list(group.schedules.values()) if found.state == "ENABLED")
    for backend in _each(events_backends):
        for bus in list(backend.event_buses.values()):
            for rule in list(bus.rules.values()):
                if rule.scheduled_expression and rule.state == "ENABLED" and rule.targets:
                    yield _of_rule(rule)


def _each(backends: Any) -> list[Any]:
    return [backend for regions in list(backends.values()) for backend in list(regions.values())]


def _of_schedule(found: Any) -> Entry:
    return Entry(
        arn=found.arn,
        expression=found.schedule_expression,
        zone=found.schedule_expression_timezone,
        targets=(json.dumps(found.target),),
        source="aws.scheduler",
        anchor=_moment(found.last_modified_date),
        starts=_moment(found.start_date),
        ends=_moment(found.end_date),
        delete_when_done=found.action_after_completion == "DELETE",
    )


def _of_rule(rule: Any) -> Entry:
    return Entry(
        arn=rule.arn,
        expression=rule.scheduled_expression,
        zone=None,
        targets=tuple(json.dumps(target) for target in rule.targets),
        source="aws.events",
    )


def _moment(seconds: Any) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(float(seconds), UTC)


def _delete(entry: Entry) -> None:
    from moto.scheduler.models import scheduler_backends

    for backend in _each(scheduler_backends):
        for group in list(backend.schedule_groups.values()):
            for name in [name for name, found in list(group.schedules.items()) if found.arn == entry.arn]:
                group.delete_schedule(name)
