"""Route raw objects: register each object version that a batch of messages names, and start Stage A for them."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Definitions are read by every call, and this loads pydantic: while the function starts, AWS gives it more processor.
import pipeline.lake.datasets.model  # noqa: F401
from pipeline.core.clients import client
from pipeline.core.errors import BadInput, Refused
from pipeline.core.events import records
from pipeline.core.events.records import Record
from pipeline.core.events.s3 import ObjectCreated, ObjectDeleted, RawEvent, SendAgain, parse
from pipeline.core.executions import canonical, name_for
from pipeline.core.queues import put_aside
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.messages.stage_a import StageAWork
from pipeline.lake.routing import dataset_in, groups, is_folder, route, stage_a_input
from pipeline.lake.services import Lake, handler
from pipeline.lake.settings import Setting

log = logging.getLogger(__name__)

MIB = 1024 * 1024

Failures = dict[str, Exception]
"""Why messages come back, by their ids."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event, and the id of the message that it came with."""

    message: str
    event: RawEvent


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an arrival. At most one of `work`, `unrouted` and `error` is there; none if nothing is left to do.

    `work` is for Stage A to do, for `dataset`; `unrouted` the row of an object that no dataset wants; `error` why the
    message comes back.
    """

    arrival: Arrival
    dataset: DatasetName | None = None
    work: StageAWork | None = None
    unrouted: ObjectRow | None = None
    error: Exception | None = None

    @property
    def message(self) -> str:
        """The message that brought it."""
        return self.arrival.message


@handler
def route_raw_objects(event: dict[str, Any], lake: Lake) -> records.Answer:
    """One bad message fails alone: only the ids in the answer come back to the queue.

    One that no repetition would mend does not come back: it is put aside at once, with its reason.
    """
    messages = records.parse(event)
    arrivals, failed = _arrivals(messages, lake)
    named = {name for arrival in arrivals if (name := dataset_in(arrival.event.object.key))}
    registered = lake.registry.get_many(named) if named else {}
    outcomes = [_register(arrival, registered, lake) for arrival in arrivals]
    failed |= {outcome.message: outcome.error for outcome in outcomes if outcome.error}
    failed |= _send_just_registered(outcomes, lake)
    for dataset, works in _by_dataset(outcomes).items():
        failed |= _start(registered[dataset], works, lake)
    return records.answer(messages, failed)


def _arrivals(messages: list[Record], lake: Lake) -> tuple[list[Arrival], Failures]:
    """All events of the messages but those of folders, and the messages that could be neither read nor put aside."""
    arrivals: list[Arrival] = []
    failed: Failures = {}
    for message in messages:
        try:
            events = _events(message.body, lake.settings[Setting.RAW_BUCKET])
        except BadInput as error:
            failed |= _put_aside(message, error, lake)
            continue
        arrivals += [Arrival(message.id, event) for event in events if not is_folder(event.object.key)]
    return arrivals, failed


def _events(body: str, bucket: str) -> list[RawEvent]:
    """All events of a message, or `BadInput`: what is half one of ours goes aside whole."""
    events = parse(body)
    for event in events:
        if event.object.bucket != bucket:
            raise BadInput(f"an event of bucket {event.object.bucket}, and the raw bucket is {bucket}")
    return events


def _put_aside(message: Record, reason: BadInput, lake: Lake) -> Failures:
    try:
        put_aside(client("sqs"), lake.settings[Setting.RAW_DEAD_LETTER_QUEUE_URL], message.body, reason.message)
    except Exception as error:
        # One as long as SQS takes has no room for its reason, for example: it goes the long way.
        return {message.id: error}
    log.error("message put aside", extra={"sqs_message": message.id, "reason": reason.message})
    return {}


def _register(arrival: Arrival, registered: Mapping[DatasetName, Registration], lake: Lake) -> Outcome:
    """Record what an event tells. Any error is that of its message alone."""
    event = arrival.event
    try:
        if isinstance(event, ObjectDeleted):
            lake.catalog.mark_deleted(event)
            return Outcome(arrival)
        if isinstance(event, ObjectCreated):
            return _register_created(arrival, event, registered, lake)
        return _register_again(arrival, event, registered, lake)
    except Exception as error:
        return Outcome(arrival, error=error)


def _register_created(
    arrival: Arrival, event: ObjectCreated, registered: Mapping[DatasetName, Registration], lake: Lake
) -> Outcome:
    chosen = route(event.object.key, {name: each.retired for name, each in registered.items()})
    if chosen.dataset:
        return Outcome(arrival, chosen.dataset, lake.catalog.register(event, chosen.dataset))
    row = lake.catalog.leave_unrouted(event, chosen.reason or "", chosen.hint, chosen.kept_by)
    retired = _retired(event, registered)
    if retired and row.status is Status.REGISTERED:
        # Registered before its dataset was retired: whoever did may have died before starting it.
        if retired.is_closed:
            raise _gone(row, retired)
        work = StageAWork(row.object, row.generation, row.event_ms, row.size)
        return Outcome(arrival, retired.name, work)
    if row.status is not Status.UNROUTED:
        return Outcome(arrival)
    facts = {"correlation_id": row.object.digest, "key": row.object.key, "status": row.status}
    log.log(
        logging.INFO if chosen.kept_by else logging.WARNING,
        f"the flow {chosen.kept_by} keeps the object" if chosen.kept_by else "object belongs to no dataset",
        extra=facts,
    )
    return Outcome(arrival, unrouted=row)


def _register_again(
    arrival: Arrival, event: SendAgain, registered: Mapping[DatasetName, Registration], lake: Lake
) -> Outcome:
    """Also of a retired dataset: what it took before goes on until nothing of it waits."""
    retired = _retired(event, registered)
    if retired and retired.is_closed:
        _stay(event, retired, lake)
        return Outcome(arrival)
    named = dataset_in(event.object.key)
    dataset = named if named in registered else None
    return Outcome(arrival, dataset, lake.catalog.send_again(event, dataset))


def _retired(event: RawEvent, registered: Mapping[DatasetName, Registration]) -> Registration | None:
    """The registration of the dataset that the object's key names, if it is retired."""
    named = dataset_in(event.object.key)
    found = registered.get(named) if named else None
    return found if found and found.retired is not None else None


def _stay(event: SendAgain, retired: Registration, lake: Lake) -> None:
    """Leave an object of a closed dataset as it is. What waits until its dataset is applied, or is further on, needs
    nothing; the message of any other comes back until somebody looks."""
    row = lake.catalog.get(event.object)
    if row is None or row.status is Status.UNROUTED:
        return
    if row.generation < event.generation or row.status is Status.REGISTERED:
        raise _gone(row, retired)


def _gone(row: ObjectRow, retired: Registration) -> Refused:
    name = retired.name
    return Refused(
        f"{row.object.uri} is {row.status}, and dataset {name}, retired since {retired.retired}, has no queue any more",
        hint=f"Apply {name} again, then `sluice redrive --queue raw`.",
    )


def _send_just_registered(outcomes: list[Outcome], lake: Lake) -> Failures:
    """Send on what became UNROUTED while its dataset was being applied: whoever applied it may not have seen it."""
    unrouted = [(outcome.message, outcome.unrouted) for outcome in outcomes if outcome.unrouted]
    named = [(message, row, name) for message, row in unrouted if (name := dataset_in(row.object.key))]
    since = lake.registry.get_many({name for _, _, name in named}) if named else {}
    late = [
        (message, SendAgain(row.object, row.generation + 1))
        for message, row, name in named
        if name in since and since[name].retired is None
    ]
    if not late:
        return {}
    try:
        lake.send_again([again for _, again in late])
    except Exception as error:
        return {message: error for message, _ in late}
    return {}


def _by_dataset(outcomes: list[Outcome]) -> dict[DatasetName, list[tuple[str, StageAWork]]]:
    """What Stage A has to do for each dataset, each with the message that it came with."""
    works: dict[DatasetName, list[tuple[str, StageAWork]]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.dataset and outcome.work:
            works[outcome.dataset].append((outcome.message, outcome.work))
    return works


def _start(registration: Registration, works: list[tuple[str, StageAWork]], lake: Lake) -> Failures:
    """Start one execution a group; a group that cannot be started sends its messages back."""
    failed: Failures = {}
    messages = {work.object: message for message, work in works}
    unique = {work.object: work for _, work in works}
    name = str(registration.name)
    for group in groups(unique.values(), big_bytes=_big_bytes(lake)):
        try:
            document = stage_a_input(registration.dataset, registration.queue_url, group).to_json()
            execution = name_for(name, canonical(document["objects"]))
            started = lake.executions.start_until_good(
                lake.settings[Setting.STAGE_A_MACHINE], execution, canonical(document)
            )
            objects = [work.object.digest for work in group.objects]
            log.info("Stage A started", extra={"dataset": name, "execution": started.name, "objects": objects})
        except Exception as error:
            failed |= {messages[work.object]: error for work in group.objects}
    return failed


def _big_bytes(lake: Lake) -> int | None:
    """Of how many bytes an object may be for a function to stage it; None where the lake does not say."""
    limit = lake.settings.get(Setting.BIG_FILE_MB)
    return int(limit) * MIB if limit else None
