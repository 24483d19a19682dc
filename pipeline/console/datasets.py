"""Datasets: what each says, what waits for it, how its batches went, and its table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from pipeline.console.console import Asked
from pipeline.console.pages import Document, Done, action, link, page
from pipeline.console.table import table_facts
from pipeline.core.errors import BadInput
from pipeline.lake.batches.records import Batch
from pipeline.lake.batches.upkeep import is_turn
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import Dataset
from pipeline.lake.datasets.registry import Registration
from pipeline.operate.aftermath import of_batch
from pipeline.operate.datasets import backlog, next_run, patience, registration_of, run_now
from pipeline.operate.executions import redriven
from pipeline.operate.formatting import duration
from pipeline.operate.redrive import redrive_dataset

ROWS = 25
FEW = 10
"""Waiting objects that a page counts itself; more of them are counted beside the pages."""
BATCHES = 20
"""Batches that the charts go back."""


def build_list(asked: Asked) -> Document:
    """Parameters: `find`, a part of a name; `page`, from 1."""
    wanted = asked.query.get("find", "").strip().lower()
    every = [r for r in asked.lake.registry.all() if wanted in str(r.name)]
    number = asked.number("page", 1, most=10_000)
    shown = every[(number - 1) * ROWS : number * ROWS]
    return {
        "title": "Datasets",
        "find": wanted,
        "page": number,
        "pages": max(-(-len(every) // ROWS), 1),
        "number": len(every),
        "datasets": [_line(asked, registration) for registration in shown],
    }


def _line(asked: Asked, registration: Registration) -> dict[str, Any]:
    dataset, lake = registration.dataset, asked.lake
    newest = lake.batches.newest(str(dataset.name), 1)
    return {
        "name": str(dataset.name),
        "write": dataset.table.write,
        "schedule": None if registration.is_closed else dataset.stage_b.schedule,
        "retired": registration.retired,
        "backlog": _backlog(asked, dataset),
        "last": _batch(newest[0]) if newest else None,
        "attention": _attention(asked, str(dataset.name)),
    }


def _attention(asked: Asked, name: str) -> list[dict[str, Any]] | None:
    """What home says of the dataset: the same list, as of the same moment; None until it was counted."""
    counted = asked.console.counts.newest(asked.lake)
    if counted is None:
        return None
    troubles = (each for each in counted.summary.troubles if each.dataset == name)
    return [{"status": t.status, "objects": t.objects, "example": t.example} for t in troubles]


def _backlog(asked: Asked, dataset: Dataset) -> dict[str, Any]:
    found = backlog(asked.lake, dataset, FEW)
    if found.more and (progress := asked.console.progress.newest(asked.lake)):
        counted = progress.objects[str(dataset.name), Status.STAGED]
        found = replace(found, waiting=counted, more=False) if counted > found.waiting else found
    return found.to_json()


def build(asked: Asked) -> Document:
    """One dataset. Parameters: `snapshots`, from which the table's snapshots are listed."""
    lake = asked.lake
    registration = registration_of(lake, asked.path["team"], asked.path["dataset"])
    dataset = registration.dataset
    name = str(dataset.name)
    batches = lake.batches.newest(name, BATCHES)
    first = asked.number("snapshots", 0, least=0, most=100_000)
    committed = next((batch for batch in batches if batch.status == "COMMITTED"), None)
    active = lake.batches.active(name)
    return {
        "title": name,
        "name": name,
        "definition": _yaml(dataset.model_dump(mode="json", exclude_defaults=True)),
        "schedule": None if registration.is_closed else dataset.stage_b.schedule,
        "next_run": None if registration.is_closed else next_run(dataset, asked.now),
        "retired": registration.retired,
        "is_closed": registration.is_closed,
        "patience": duration(patience(dataset).total_seconds()),
        "backlog": _backlog(asked, dataset),
        "active": active,
        "busy": active,
        "kept_up": active is not None and is_turn(active),
        "attention": _attention(asked, name),
        "fresh": committed.ended if committed else None,
        "batches": [{**_batch(batch), "since": of_batch(lake, batch).to_json()} for batch in batches],
        "rules": _rules(batches),
        "table": table_facts(asked.console.tables, registration.table, first),
    }


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
        "objects": batch.objects,
        "rows": batch.write.rows if batch.write else None,
        "bad_rows": batch.bad_rows,
        "verdict": verdict.outcome if verdict else None,
        "failed": [rule.rule for rule in verdict.rules if rule.outcome != "Passed"] if verdict else [],
        "error": batch.error,
    }


def _rules(batches: list[Batch]) -> list[dict[str, Any]]:
    """Each rule that a batch was judged by, and how it went, the oldest batch first. Rules of now come first."""
    order: dict[str, list[dict[str, Any]]] = {}
    for batch in batches:
        for rule in batch.verdict.rules if batch.verdict else ():
            told = {"batch": batch.id, "outcome": rule.outcome, "reason": rule.reason}
            order.setdefault(rule.rule, []).insert(0, told)
    return [{"rule": rule, "history": history} for rule, history in order.items()]


def run(asked: Asked, fields: Mapping[str, str]) -> Done:
    """Poll now, as the schedule would."""
    registration = registration_of(asked.lake, asked.path["team"], asked.path["dataset"])
    outcome, batch = run_now(asked.lake, registration)
    told = {
        "IDLE": "Nothing waits.",
        "BUSY": f"Batch {batch} is being loaded; what waits comes into the next one.",
        "STARTED": f"Batch {batch} is being loaded.",
    }.get(outcome, f"The poll said {outcome}.")
    good, during = outcome == "STARTED", batch if outcome in ("STARTED", "BUSY") else None
    return Done(link(f"/datasets/{registration.name}"), told, good=good, during=during)


def redrive(asked: Asked, fields: Mapping[str, str]) -> Done:
    """Send all quarantined and failed objects of the dataset through Stage A again."""
    registration = registration_of(asked.lake, asked.path["team"], asked.path["dataset"])
    if fields.get("sure") != "yes":
        raise BadInput("say that all of them are to be sent back", hint="Use the button on the dataset's page.")
    told, good = redriven(redrive_dataset(asked.lake, registration.name))
    return Done(link(f"/datasets/{registration.name}"), told, good=good)


ROUTES = [
    action("/datasets/{team}/{dataset}/run", run),
    action("/datasets/{team}/{dataset}/redrive", redrive),
    *page("/datasets/{team}/{dataset}", "dataset.html", build, live=True),
    *page("/datasets", "datasets.html", build_list, live=True),
]
