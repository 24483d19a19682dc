"""What a text may mean, of all that a lake has: a dataset, a column, an object, a batch, an execution.

Each kind is asked for in a bounded number of calls, all at a time: names of datasets and columns in any part, keys of
objects among the entries that `object_search` looks at, names of executions among the newest of each machine, and
whole ids however old.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from pipeline.core.errors import NotThere, WrongUsage
from pipeline.lake.catalog import ObjectRow
from pipeline.lake.services import Lake
from pipeline.operate.arguments import object_of
from pipeline.operate.catalog_state import Counts, each
from pipeline.operate.execution_search import Batches, ExecutionFilter
from pipeline.operate.execution_search import search as search_executions
from pipeline.operate.executions import Run, find
from pipeline.operate.flows import title_of
from pipeline.operate.kept_executions import KeptExecutions
from pipeline.operate.kept_objects import KeptObjects
from pipeline.operate.object_filter import ObjectFilter
from pipeline.operate.object_search import search as search_objects
from pipeline.operate.table_columns import described

SHOWN = 10
"""Hits of one kind."""
SHORT = 2
"""Characters of the shortest text that is searched for."""
_ID = re.compile(r"[A-Za-z0-9_:/-]{8,200}")
_BATCH = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
"""A ULID (Crockford's base 32)."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that may be meant. `of` is the dataset or the machine that it is of; `version` is an object's."""

    kind: str
    name: str
    status: str | None = None
    of: str | None = None
    note: str | None = None
    version: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As programs get it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Known:
    """What somebody knows or keeps of the lake, for whom a search need not ask: as `object_search.search` and
    `execution_search.search` take it."""

    there: Counts | None = None
    objects: KeptObjects | None = None
    executions: KeptExecutions | None = None
    batches: Batches | None = None


def search(lake: Lake, text: str, known: Known | None = None) -> list[Hit]:
    """What `text` may mean; of one kind those first that are named so exactly. `WrongUsage` for a text that is too
    short to mean anything."""
    wanted = text_of(text)
    executions, objects = (partial(of, known=known or Known()) for of in (_executions, _objects))
    kinds: list[Callable[[Lake, str], Iterator[Hit]]] = [_datasets, _batches, executions, objects, _columns]
    found = each(kinds, lambda kind: list(kind(lake, wanted)))
    return [hit for hits in found for hit in sorted(hits, key=lambda hit: hit.name != wanted)[:SHOWN]]


def text_of(text: str) -> str:
    """What is searched for; `WrongUsage` for a text that is too short to mean anything."""
    wanted = text.strip()
    if len(wanted) < SHORT:
        raise WrongUsage(f"{wanted!r} is too short to search for", hint=f"Write {SHORT} characters or more.")
    return wanted


def is_id(text: str) -> bool:
    """Whether a text may be an id by which log lines are found."""
    return _ID.fullmatch(text) is not None


def _datasets(lake: Lake, text: str) -> Iterator[Hit]:
    plain = text.casefold().replace(".", "/")
    for each_ in lake.registry.all():
        if plain in str(each_.name):
            yield Hit("dataset", str(each_.name), note="retired" if each_.retired else None)


def _columns(lake: Lake, text: str) -> Iterator[Hit]:
    plain = text.casefold()
    for table in described(lake):
        for name, type_ in table.columns or ():
            if plain in name.casefold():
                yield Hit("column", name, of=table.name.replace(".", "/"), note=type_)


def _batches(lake: Lake, text: str) -> Iterator[Hit]:
    name = text.upper()
    if _BATCH.fullmatch(name) and (batch := lake.batches.find((str(r.name) for r in lake.registry.all()), name)):
        yield Hit("batch", batch.id, batch.status.value, batch.dataset, batch.error)


def _executions(lake: Lake, text: str, known: Known) -> Iterator[Hit]:
    exact = _named(lake, text)
    if exact:
        yield _execution(exact, exact.status)
    wanted = ExecutionFilter(name=text)
    for listed in search_executions(lake, wanted, SHOWN, batches=known.batches, kept=known.executions).executions:
        if exact is None or listed.run.arn != exact.arn:
            yield _execution(listed.run, listed.outcome)


def _named(lake: Lake, text: str) -> Run | None:
    if not is_id(text):
        return None
    try:
        return find(lake, text)[0]
    except NotThere:
        return None


def _execution(run: Run, status: str) -> Hit:
    return Hit("execution", run.name, status, title_of(run.machine))


def _objects(lake: Lake, text: str, known: Known) -> Iterator[Hit]:
    seen = set()
    named = search_objects(lake, ObjectFilter(name=text), SHOWN, there=known.there, kept=known.objects).rows
    for row in [*_of_key(lake, text), *named]:
        if row.object not in seen:
            seen.add(row.object)
            uri, version = row.object.uri, row.object.version_id
            yield Hit("object", uri, row.status.value, row.dataset, row.reason, version)


def _of_key(lake: Lake, text: str) -> list[ObjectRow]:
    """The versions of the object that is named whole, newest first."""
    if "/" not in text:
        return []
    try:
        obj = object_of(lake, text)
    except WrongUsage:
        return []
    return sorted(lake.catalog.history(obj.path), key=lambda row: row.order, reverse=True)
