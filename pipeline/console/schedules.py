"""Schedules: when datasets are polled and kept up, who paused what and why, and draining a backlog now."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import Any

from pipeline.console.console import PageRequest
from pipeline.console.pages import ActionResult, Document, action, link, page
from pipeline.core.errors import BadInput
from pipeline.lake.batches.pauses import Paused
from pipeline.lake.datasets.registry import Registration
from pipeline.operate.datasets import registration_of
from pipeline.operate.schedules import pause, planned, resume

ROWS = 50
_WHAT = {"schedule": Paused.SCHEDULE, "upkeep": Paused.UPKEEP}


def build(request: PageRequest) -> Document:
    """All schedules, paused ones first. Parameters: `page`, from 1."""
    found = planned(request.lake, request.lake.registry.all())
    found.sort(key=lambda each: (not (each.paused or each.upkeep_paused), each.schedule is None, each.dataset))
    number = request.number("page", 1, most=10_000)
    return {
        "title": "Schedules",
        "page": number,
        "pages": max(-(-len(found) // ROWS), 1),
        "number": len(found),
        "schedules": [
            {**each.to_json(), "drain": drain_of(request, each.dataset)}
            for each in found[(number - 1) * ROWS : number * ROWS]
        ],
    }


def of_dataset(request: PageRequest, registration: Registration) -> dict[str, Any]:
    """What a dataset's page says of its schedule, with its last drain."""
    (found,) = planned(request.lake, [registration])
    return {**found.to_json(), "drain": drain_of(request, found.dataset)}


def drain_of(request: PageRequest, name: str) -> dict[str, Any] | None:
    """How far the last drain of a dataset is; None if this console had none."""
    drain = request.console.drains.of(name)
    return {**drain.to_json(), "told": drain.told} if drain else None


def _registration(request: PageRequest) -> Registration:
    return registration_of(request.lake, request.path["team"], request.path["dataset"])


def _what(fields: Mapping[str, str]) -> Paused:
    try:
        return _WHAT[fields.get("what", "schedule")]
    except KeyError:
        raise BadInput("a schedule or the upkeep can be paused, and nothing else") from None


def _back(registration: Registration) -> str:
    return link(f"/datasets/{registration.name}")


def pause_schedule(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Pause the dataset's schedule, or its upkeep by `what`; the user's name and the `reason` are stored."""
    registration = _registration(request)
    told = pause(request.lake, registration, _what(fields), getpass.getuser(), fields.get("reason", ""))
    return ActionResult(_back(registration), told)


def resume_schedule(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Resume the dataset's schedule, or its upkeep by `what`."""
    registration = _registration(request)
    return ActionResult(_back(registration), resume(request.lake, registration, _what(fields)))


def start_drain(request: PageRequest, _fields: Mapping[str, str]) -> ActionResult:
    """Load what waits now, batch after batch; the page shows the progress."""
    registration = _registration(request)
    request.console.drains.start(request.lake, registration)
    return ActionResult(_back(registration), "")


def stop_drain(request: PageRequest, _fields: Mapping[str, str]) -> ActionResult:
    """Load no further batch."""
    registration = _registration(request)
    stopped = request.console.drains.stop(str(registration.name))
    message = "No further batch is begun." if stopped else "It had ended already."
    return ActionResult(_back(registration), message, good=stopped)


ROUTES = [
    action("/datasets/{team}/{dataset}/pause", pause_schedule),
    action("/datasets/{team}/{dataset}/resume", resume_schedule),
    action("/datasets/{team}/{dataset}/drain", start_drain),
    action("/datasets/{team}/{dataset}/drain/stop", stop_drain),
    *page("/schedules", "schedules.html", build, live=True),
]
