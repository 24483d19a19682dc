"""The clock: fires EventBridge Scheduler's schedules and EventBridge's scheduled rules at Lambda functions.

moto keeps both and never fires them. They are looked up in its state, in this process, every second.
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.clock import Clock, system_clock
from pipeline.errors import BadDefinition
from pipeline.local.schedule_expressions import Rate, parse

TICK_S = 1.0

InvokeLaterArn = Callable[[str, bytes], None]
"""Invoke the function of an ARN asynchronously with a JSON event."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A schedule or a scheduled rule as it stands. `anchor` is the time that a rate counts from, None for now."""

    arn: str
    expression: str
    zone: str | None
    targets: tuple[tuple[str, str | None], ...]
    source: str
    anchor: datetime | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    delete_when_done: bool = False

    @property
    def is_rule(self) -> bool:
        return self.source == "aws.events"


class Schedules:
    """Invokes the targets of enabled schedules when they are due by `clock`.

    A schedule by rate of EventBridge Scheduler fires when it is made and then every period, a rule after one period.
    Firings that were missed because the machine slept are made up for by one.
    """

    def __init__(self, invoke_later: InvokeLaterArn, *, clock: Clock = system_clock) -> None:
        self._invoke_later = invoke_later
        self._clock = clock
        self._due: dict[Entry, datetime | None] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="schedules", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def hurry(self) -> int:
        """Fire every enabled schedule now, whatever its time; returns how many. Their own times stay as they are."""
        entries = list(_entries())
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

    def _run(self) -> None:
        while not self._stopping.wait(TICK_S):
            try:
                self.tick()
            except Exception:
                _log.exception("schedules")

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
        for function, text in entry.targets:
            try:
                self._invoke_later(function, _event(entry, text, due))
            except Exception:
                _log.exception("schedule %s cannot invoke %s", entry.arn, function)


def _bounded(entry: Entry, due: datetime | None) -> datetime | None:
    return None if due is None or (entry.ends and due > entry.ends) else due


def _event(entry: Entry, text: str | None, due: datetime) -> bytes:
    moment = due.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    execution = str(uuid.uuid4())
    if text is not None:
        if not entry.is_rule:
            for name, value in (
                ("schedule-arn", entry.arn),
                ("scheduled-time", moment),
                ("execution-id", execution),
                ("attempt-number", "1"),
            ):
                text = text.replace(f"<aws.scheduler.{name}>", value)
        return text.encode()
    _, _, _, region, account, *_ = entry.arn.split(":")
    event = {
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
    return json.dumps(event).encode()


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
        targets=((found.target["Arn"], found.target.get("Input")),),
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
        targets=tuple((target["Arn"], target.get("Input")) for target in rule.targets),
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


def check(expression: str, zone: str | None, targets: list[dict[str, Any]]) -> None:
    """BadDefinition if a schedule would not run here as it does on AWS: to be asked when it is made."""
    parse(expression, zone)
    for target in targets:
        if ":lambda:" not in target.get("Arn", ""):
            raise BadDefinition(f"the embedded AWS fires schedules at Lambda functions only, not {target.get('Arn')}")
        if target.get("InputTransformer") or target.get("InputPath"):
            raise BadDefinition("the embedded AWS gives scheduled targets a constant Input only")
