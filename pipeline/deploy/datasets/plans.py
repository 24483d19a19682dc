"""What applying the definitions would do, dataset by dataset, found out with reads alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pipeline.deploy.datasets import application
from pipeline.deploy.datasets.application import Parts, TablePlan
from pipeline.deploy.datasets.retirement import is_too_much, without_file
from pipeline.lake.datasets.compatibility import Breach, breaches
from pipeline.lake.datasets.dataset_names import DatasetName
from pipeline.lake.datasets.files import Definition
from pipeline.lake.datasets.model import Dataset
from pipeline.lake.datasets.registry import Registration


class Action(StrEnum):
    """What would become of a dataset."""

    ADD = "add"
    CHANGE = "change"
    BRING_BACK = "bring back"
    NONE = "none"
    RETIRE = "retire"
    DRAIN = "retired, still loads"
    CLOSE = "delete the stack"
    REOPEN = "deploy the stack again"
    CLOSED = "retired"


@dataclass(frozen=True, slots=True)
class Planned:
    """One dataset's part of a plan. `details` say what differs, or what a retired dataset still waits for."""

    name: DatasetName
    action: Action
    details: tuple[str, ...]
    breaching: tuple[Breach, ...] = ()
    """What of it breaks something for who sends files, or reads the table."""

    @property
    def changes_something(self) -> bool:
        """Whether carrying it out would change anything."""
        return self.action not in (Action.NONE, Action.DRAIN, Action.CLOSED)


def plan(definitions: Sequence[Definition], parts: Parts, only: Collection[DatasetName] = ()) -> list[Planned]:
    """What `application.apply`, and unless `only` is given `retirement.retire`, would do; errors as the former.

    The stacks of datasets that stand are not compared: their template is, by a plan of the deployment.
    """
    tables = application.plan_tables(definitions, parts, only)
    registrations = parts.registry.all()
    known = {registration.name: registration for registration in registrations}
    chosen = [definition.dataset for definition in definitions if definition.dataset.name in tables]
    found = [_defined(dataset, known.get(dataset.name), tables[dataset.name]) for dataset in chosen]
    if not only:
        defined = {definition.dataset.name for definition in definitions}
        found += [_retired(each, parts) for each in without_file(registrations, defined)]
    return sorted(found, key=lambda planned: planned.name)


def is_refused(planned: Sequence[Planned]) -> bool:
    """Whether applying would refuse to retire so many datasets at once."""
    return is_too_much(Counter(each.action for each in planned)[Action.RETIRE], used(planned))


def used(planned: Sequence[Planned]) -> int:
    """How many of the datasets are in use, before the plan is carried out."""
    return sum(each.action in (Action.RETIRE, Action.CHANGE, Action.NONE) for each in planned)


_TABLE_CHANGES: dict[TablePlan, tuple[str, ...]] = {
    "create": ("its table is created",),
    "alter": ("its table gets columns, or wider ones",),
    "finish": ("its table gets its first snapshot",),
    "none": (),
}


def _defined(dataset: Dataset, registration: Registration | None, table: TablePlan) -> Planned:
    if registration is None:
        return Planned(dataset.name, Action.ADD, ())
    details = tuple(_differences(registration.dataset, dataset))
    details += _TABLE_CHANGES[table]
    if registration.retired:
        return Planned(dataset.name, Action.BRING_BACK, details)
    breaching = tuple(breaches(registration.dataset, dataset))
    return Planned(dataset.name, Action.CHANGE if details else Action.NONE, details, breaching)


def _retired(registration: Registration, parts: Parts) -> Planned:
    waits = parts.what_keeps(registration)
    if registration.retired is None:
        action = Action.RETIRE
    elif registration.is_closed:
        action = Action.REOPEN if waits else Action.CLOSED
    else:
        action = Action.DRAIN if waits else Action.CLOSE
    return Planned(registration.name, action, waits)


_TEXTS = ("transform.text", "transform.wheels")


def _differences(before: Dataset, after: Dataset) -> Iterator[str]:
    """Each field that differs, as `stage_b.min_objects: 1 → 5`."""
    old, new = (dict(_leaves(dataset.model_dump(mode="json"))) for dataset in (before, after))
    for field in sorted(old.keys() | new.keys()):
        if old.get(field) == new.get(field):
            continue
        if field in _TEXTS and field in old and field in new:
            # A whole file: git shows how it differs.
            yield f"{field}: its file has changed"
        else:
            yield f"{field}: {_text(old, field)} → {_text(new, field)}"


def _leaves(value: Any, field: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield field, value
        return
    for name, inner in value.items():
        yield from _leaves(inner, f"{field}.{name}" if field else name)


def _text(fields: dict[str, Any], field: str) -> str:
    value = fields.get(field)
    if value is None:
        return "none"
    return value if isinstance(value, str) and "\n" not in value else json.dumps(value, ensure_ascii=False)
