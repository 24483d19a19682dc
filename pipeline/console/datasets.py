"""Datasets: definition, backlog, batches and table of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from pipeline.console import lineage_pictures, reasons, schedules
from pipeline.console.charts import drawn
from pipeline.console.console import PageRequest
from pipeline.console.pages import ActionResult, Document, action, link, page
from pipeline.console.table import parquet_facts, table_facts
from pipeline.core.clock import parse_iso
from pipeline.core.errors import BadInput
from pipeline.lake.batches.records import Batch
from pipeline.lake.batches.upkeep import is_turn
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.settings import Setting
from pipeline.operate.aftermath import of_batch
from pipeline.operate.attention import Issue
from pipeline.operate.datasets import (
    backlog,
    kind_of_table,
    kind_of_transform,
    patience,
    registration_of,
    run_now,
    start_of_batches,
)
from pipeline.operate.executions import redriven
from pipeline.operate.formatting import counted, duration
from pipeline.operate.health import STATES, Health
from pipeline.operate.metrics import SHOWN, metrics_of
from pipeline.operate.redrive import redrive_dataset
from pipeline.operate.rows_again import send_rows
from pipeline.operate.tables import parquet_rows
from pipeline.operate.waiting_deliveries import waiting_deliveries

ROWS = 25
FEW = 10
"""Waiting objects that a page counts itself; larger backlogs are counted in the background."""
BATCHES = 20
"""How many of the newest batches the charts show."""
METRICS = 40
"""How many metrics a page draws; `sluice quality` has them all."""


def build_list(request: PageRequest) -> Document:
    """The health of the datasets, those in trouble first. Parameters: `find`, a part of a name; `page`, from 1."""
    wanted = request.query.get("find", "").strip().lower()
    health = request.console.health.newest(request.lake)
    every = [each for each in health or () if wanted in each.name]
    number = request.number("page", 1, most=10_000)
    shown = every[(number - 1) * ROWS : number * ROWS]
    return {
        "title": "Datasets",
        "find": wanted,
        "is_known": health is not None,
        "page": number,
        "pages": max(-(-len(every) // ROWS), 1),
        "number": len(every),
        "states": dict(sorted(Counter(each.state for each in every).items(), key=lambda item: STATES.index(item[0]))),
        "datasets": [_line(each) for each in shown],
    }


def _line(health: Health) -> dict[str, Any]:
    registration = health.registration
    return {
        **health.to_json(),
        "write": registration.dataset.table.write,
        "schedule": None if registration.is_closed else registration.dataset.stage_b.schedule,
        "retired": registration.retired,
        "last": _batch(health.batches[0]) if health.batches else None,
        "batches": [_drawn(batch) for batch in reversed(health.batches)],
        "attention": [_issue(issue) for issue in health.issues],
    }


def _drawn(batch: Batch) -> dict[str, Any]:
    rows = batch.write.rows if batch.write else 0
    return {"batch": batch.id, "status": batch.status.value, "rows": rows, "bad_rows": batch.bad_rows}


def _issue(issue: Issue) -> dict[str, Any]:
    return {"status": issue.status, "objects": issue.objects, "example": issue.example, "filters": issue.filters}


def _attention(request: PageRequest, name: str) -> list[dict[str, Any]] | None:
    """What the home page says about the dataset, from the same count; None until there is one."""
    counted = request.console.counts.newest(request.lake)
    if counted is None:
        return None
    return [_issue(each) for each in counted.summary.troubles if each.dataset == name]


def _backlog(request: PageRequest, dataset: Dataset) -> dict[str, Any]:
    waiting = backlog(request.lake, dataset, FEW)
    if waiting.more and (progress := request.console.progress.newest(request.lake)):
        counted = progress.objects[str(dataset.name), Status.STAGED]
        waiting = replace(waiting, waiting=counted, more=False) if counted > waiting.waiting else waiting
    return waiting.to_json()


def build(request: PageRequest) -> Document:
    """One dataset. Parameters: `snapshots`, the number of the first snapshot that is listed, from 0."""
    lake = request.lake
    registration = registration_of(lake, request.path["team"], request.path["dataset"])
    dataset = registration.dataset
    name = str(dataset.name)
    batches = lake.batches.newest(name, BATCHES, outlined=True)
    first = request.number("snapshots", 0, least=0, most=100_000)
    committed = next((batch for batch in batches if batch.status == "COMMITTED"), None)
    active = lake.batches.active(name)
    return {
        "title": name,
        "name": name,
        "definition": _yaml(dataset.model_dump(mode="json", exclude_defaults=True)),
        "schedule": None if registration.is_closed else dataset.stage_b.schedule,
        "planned": schedules.of_dataset(request, registration),
        "retired": registration.retired,
        "is_closed": registration.is_closed,
        "starts": start_of_batches(dataset),
        "kind": kind_of_table(dataset),
        "transform": kind_of_transform(dataset),
        "patience": duration(patience(dataset).total_seconds()),
        "backlog": _backlog(request, dataset),
        "deliveries": [each.to_json() for each in waiting_deliveries(lake, [registration])],
        "active": active,
        "busy": active,
        "kept_up": active is not None and is_turn(active),
        "attention": _attention(request, name),
        "fresh": committed.ended if committed else None,
        "picture": _picture(request, registration, batches),
        "batches": [{**_batch(batch), "since": of_batch(lake, batch).to_json()} for batch in batches],
        "rules": _rules(batches),
        **_metrics(request, dataset, batches),
        "aside": reasons.of_dataset(lake, name),
        "table": _table(request, registration, first),
    }


def _picture(request: PageRequest, registration: Registration, batches: list[Batch]) -> lineage_pictures.Picture:
    lake = request.lake
    waiting = backlog(lake, registration.dataset, FEW)
    told = f"{waiting.waiting}{' or more' if waiting.more else ''}" if waiting.waiting else None
    return lineage_pictures.of_dataset(
        registration, lake.registry.all(), batches, told, lake.settings[Setting.RAW_BUCKET]
    )


def _table(request: PageRequest, registration: Registration, first: int) -> dict[str, Any] | None:
    if registration.dataset.table.format != "parquet":
        return table_facts(request.lake.tables, registration.table, first)
    found = parquet_rows(registration, request.lake.homes)
    return parquet_facts(found, registration.table) if found else None


def _metrics(request: PageRequest, dataset: Dataset, batches: list[Batch]) -> dict[str, Any]:
    """What the rules measured, with a chart of each number; one Query, where there are rules."""
    if dataset.quality is None:
        return {"metrics": [], "number_of_metrics": 0}
    found = metrics_of(dataset, request.lake.batches.measured(str(dataset.name), most=SHOWN), batches)
    shown = [{**each.to_json(), "chart": drawn(each)} for each in found[:METRICS]]
    return {"metrics": shown, "number_of_metrics": len(found)}


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as a block, as people write a ruleset."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def _yaml(document: dict[str, Any]) -> str:
    return str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True))


def _batch(batch: Batch) -> dict[str, Any]:
    verdict = batch.verdict
    return {
        "batch": batch.id,
        "status": batch.status.value,
        "opened": batch.opened,
        "ended": batch.ended,
        "seconds": (parse_iso(batch.ended) - parse_iso(batch.opened)).total_seconds() if batch.ended else None,
        "objects": batch.objects,
        "rows": batch.write.rows if batch.write else None,
        "bad_rows": batch.bad_rows,
        "verdict": verdict.outcome if verdict else None,
        "failed": [rule.rule for rule in verdict.rules if rule.outcome != "Passed"] if verdict else [],
        "error": batch.error,
    }


def _rules(batches: list[Batch]) -> list[dict[str, Any]]:
    """Each rule with its outcome in every batch that it was checked on, oldest first. Current rules come first."""
    order: dict[str, list[dict[str, Any]]] = {}
    for batch in batches:
        for rule in batch.verdict.rules if batch.verdict else ():
            outcome = {"batch": batch.id, "outcome": rule.outcome, "reason": rule.reason}
            order.setdefault(rule.rule, []).insert(0, outcome)
    return [{"rule": rule, "history": history} for rule, history in order.items()]


def run(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Run the dataset's poller now, as its schedule would."""
    registration = registration_of(request.lake, request.path["team"], request.path["dataset"])
    outcome, batch = run_now(request.lake, registration)
    message = {
        "IDLE": "Nothing waits.",
        "BUSY": f"Batch {batch} is being loaded; waiting objects go into the next one.",
        "STARTED": f"Batch {batch} is being loaded.",
    }.get(outcome, f"The poller answered {outcome}.")
    good, during = outcome == "STARTED", batch if outcome in ("STARTED", "BUSY") else None
    return ActionResult(link(f"/datasets/{registration.name}"), message, good=good, during=during)


def redrive(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Send all quarantined and failed objects of the dataset through Stage A again."""
    registration = registration_of(request.lake, request.path["team"], request.path["dataset"])
    if fields.get("sure") != "yes":
        raise BadInput("the form lacks its confirmation", hint="Use the button on the dataset's page.")
    message, good = redriven(redrive_dataset(request.lake, registration.name))
    return ActionResult(link(f"/datasets/{registration.name}"), message, good=good)


def send_rows_again(request: PageRequest, fields: Mapping[str, str]) -> ActionResult:
    """Send the rows of the dataset that were set aside, or those of one `reason`, through Stage A again."""
    registration = registration_of(request.lake, request.path["team"], request.path["dataset"])
    if fields.get("sure") != "yes":
        raise BadInput("the form lacks its confirmation", hint="Use the button on the dataset's page.")
    done = send_rows(request.lake, registration.name, fields.get("reason") or None)
    parts = [f"{counted(done.rows, 'row')} of {counted(done.objects, 'object')} sent again."] if done.rows else []
    parts += [f"{counted(done.moving, 'row')} on the way already."] if done.moving else []
    parts += [f"{counted(each.rows, 'row')} of {each.object.uri} not sent: {each.why}." for each in done.held[:5]]
    message = " ".join(parts) or "No rows are set aside."
    return ActionResult(link(f"/datasets/{registration.name}"), message, good=bool(done.rows))


ROUTES = [
    action("/datasets/{team}/{dataset}/rows", send_rows_again),
    action("/datasets/{team}/{dataset}/run", run),
    action("/datasets/{team}/{dataset}/redrive", redrive),
    *page("/datasets/{team}/{dataset}", "dataset.html", build, live=True),
    *page("/datasets", "datasets.html", build_list, live=True),
]
