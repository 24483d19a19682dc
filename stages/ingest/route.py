"""Route raw objects: register each object version that a batch of messages names, and start Stage A for them."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Definitions are read by every call, and this loads pydantic: while the function starts, AWS gives it more processor.
import pipeline.lake.datasets.model  # noqa: F401
from pipeline.core.clients import client
from pipeline.core.errors import BadInput, Refused, SluiceError
from pipeline.core.events import sqs
from pipeline.core.events.s3 import ObjectCreated, ObjectDeleted, RawEvent, SendAgain, parse
from pipeline.core.executions import canonical, name_for
from pipeline.core.queues import put_aside
from pipeline.core.settings import Setting
from pipeline.lake.catalog import ObjectRow, Status
from pipeline.lake.datasets import DatasetName
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.messages.stage_a import StageAWork
from pipeline.lake.routing import Route, dataset_in, groups, is_folder, route, stage_a_input
from pipeline.lake.services import Lake, handler

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Found:
    message: str
    event: RawEvent


@handler
def route_raw_objects(event: dict[str, Any], lake: Lake) -> dict[str, Any]:
    """One bad message fails alone: only the ids in the answer come back to the queue.

    One that no repetition would mend does not come back: it is put aside at once, with its reason.
    """
    failed: dict[str, Exception] = {}
    messages = sqs.parse(event)
    found = list(_parsed(messages, lake, failed))
    named = {name for f in found if (name := dataset_in(f.event.object.key))}
    registered = lake.registry.get_many(named) if named else {}
    waiting: dict[DatasetName, list[tuple[str, StageAWork]]] = defaultdict(list)
    unrouted: list[tuple[str, ObjectRow]] = []
    for item in found:
        try:
            outcome = _register(item.event, registered, lake)
        except Exception as error:
            failed[item.message] = error
            continue
        if isinstance(outcome, ObjectRow):
            facts = {"correlation_id": outcome.object.digest, "key": outcome.object.key, "status": outcome.status}
            if outcome.status is Status.UNROUTED:
                log.warning("object belongs to no dataset", extra=facts)
            unrouted.append((item.message, outcome))
        elif outcome:
            dataset, work = outcome
            waiting[dataset].append((item.message, work))
    _send_just_registered(unrouted, lake, failed)
    for dataset, items in waiting.items():
        _start(registered[dataset], items, lake, failed)
    for message, cause in failed.items():
        unexpected = None if isinstance(cause, SluiceError) else cause
        facts = {"sqs_message": message, "error": type(cause).__name__, "reason": str(cause)}
        log.error("message comes back", extra=facts, exc_info=unexpected)
    _fail_if_nothing_works(messages, failed)
    return sqs.failures(sorted(failed))


def _fail_if_nothing_works(messages: list[sqs.Message], failed: Mapping[str, Exception]) -> None:
    """Raise what befell every message, unless it was foreseen: they come back either way.

    Only what is raised counts as the function's error, which takes back a version that is being rolled out.
    """
    unforeseen = [error for error in failed.values() if not isinstance(error, SluiceError)]
    if unforeseen and len(unforeseen) == len(messages):
        raise unforeseen[0]


def _parsed(messages: list[sqs.Message], lake: Lake, failed: dict[str, Exception]) -> Iterator[_Found]:
    for message in messages:
        try:
            events = _events(message.body, lake.settings[Setting.RAW_BUCKET])
        except BadInput as error:
            _put_aside(message, error, lake, failed)
            continue
        yield from (_Found(message.id, event) for event in events if not is_folder(event.object.key))


def _events(body: str, bucket: str) -> list[RawEvent]:
    """All events of a message, or `BadInput`: what is half one of ours goes aside whole."""
    events = parse(body)
    for event in events:
        if event.object.bucket != bucket:
            raise BadInput(f"an event of bucket {event.object.bucket}, and the raw bucket is {bucket}")
    return events


def _put_aside(message: sqs.Message, reason: BadInput, lake: Lake, failed: dict[str, Exception]) -> None:
    try:
        put_aside(client("sqs"), lake.settings[Setting.RAW_DEAD_LETTER_QUEUE_URL], message.body, reason.message)
    except Exception as error:
        # One as long as SQS takes has no room for its reason, for example: it goes the long way.
        failed[message.id] = error
        return
    log.error("message put aside", extra={"sqs_message": message.id, "reason": reason.message})


def _register(
    event: RawEvent, registered: Mapping[DatasetName, Registration], lake: Lake
) -> tuple[DatasetName, StageAWork] | ObjectRow | None:
    """What is to be transformed, or the row of an object that no dataset wants; None when nothing is left to do."""
    if isinstance(event, ObjectDeleted):
        lake.catalog.mark_deleted(event)
        return None
    chosen = route(event.object.key, {name: each.retired for name, each in registered.items()})
    named = dataset_in(event.object.key)
    retired = registered.get(named) if named and chosen.dataset is None else None
    if isinstance(event, ObjectCreated):
        if chosen.dataset is None:
            row = lake.catalog.leave_unrouted(event, chosen.reason or "", chosen.hint)
            return _begun(row, retired) if retired and row.status is Status.REGISTERED else row
        work = lake.catalog.register(event, chosen.dataset)
    elif retired and retired.is_closed:
        _stay(event, retired, lake)
        return None
    else:
        # Also of a retired dataset: what it took before goes on until nothing of it waits.
        chosen = Route(retired.name) if retired else chosen
        work = lake.catalog.send_again(event, chosen.dataset)
    return (chosen.dataset, work) if chosen.dataset and work else None


def _begun(row: ObjectRow, retired: Registration) -> tuple[DatasetName, StageAWork]:
    """An object that was registered before its dataset was retired: whoever did may have died before starting it."""
    if retired.is_closed:
        raise _gone(row, retired)
    return retired.name, StageAWork(row.object, row.generation, row.event_ms, row.size)


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


def _send_just_registered(unrouted: list[tuple[str, ObjectRow]], lake: Lake, failed: dict[str, Exception]) -> None:
    """Send on what became UNROUTED while its dataset was being applied: whoever applied it may not have seen it."""
    named = [(message, row, name) for message, row in unrouted if (name := dataset_in(row.object.key))]
    since = lake.registry.get_many({name for _, _, name in named}) if named else {}
    late = [
        (message, SendAgain(row.object, row.generation + 1))
        for message, row, name in named
        if name in since and since[name].retired is None and row.status is Status.UNROUTED
    ]
    if not late:
        return
    try:
        lake.send_again([again for _, again in late])
    except Exception as error:
        failed |= {message: error for message, _ in late}


def _start(
    registration: Registration, items: list[tuple[str, StageAWork]], lake: Lake, failed: dict[str, Exception]
) -> None:
    """Start one execution a group; a group that cannot be started sends its messages back."""
    messages = {work.object: message for message, work in items}
    unique = {work.object: work for _, work in items}
    for group in groups(unique.values()):
        document = stage_a_input(registration.dataset, registration.queue_url, group).to_json()
        name = name_for(str(registration.name), canonical(document["objects"]))
        try:
            started = lake.executions.start_until_good(
                lake.settings[Setting.STAGE_A_MACHINE], name, canonical(document)
            )
            objects = [work.object.digest for work in group.objects]
            facts = {"dataset": str(registration.name), "execution": started.name, "objects": objects}
            log.info("Stage A started", extra=facts)
        except Exception as error:
            failed |= {messages[work.object]: error for work in group.objects}
