"""What a shell proposes for names of datasets, batches, executions and objects: those of the lake that the command line
names, a bounded number. Where no lake answers, a shell proposes nothing, and says nothing into the prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pipeline.lake.services import Lake

PROPOSED = 50
"""Names of one kind; of batches so many of all datasets together, the newest."""
PER_DATASET = 10

Proposals = Iterator[tuple[str, str]]
"""Names, each with a word about it, which some shells show beside it."""


def _from_lake(propose: Callable[[Lake, str], Proposals]) -> Callable[[typer.Context, str], list[tuple[str, str]]]:
    @wraps(propose)
    def complete(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        from pipeline.cli.connect import Target

        given = context.find_root().params
        try:
            target = Target(*(given.get(name) for name in ("profile", "endpoint", "region", "env")))
            return [each for each, _ in zip(propose(target.connect().lake, incomplete), range(PROPOSED), strict=False)]
        except Exception:
            # Whatever it is, the command itself will say it; here it would be printed into the line that is written.
            return []

    # Typer tells what a completion takes by its own annotations, not by those of what it wraps.
    del complete.__wrapped__
    complete.__annotations__ = {"context": typer.Context, "incomplete": str}
    return complete


@_from_lake
def datasets(lake: Lake, incomplete: str) -> Proposals:
    """Registered datasets."""
    for each in lake.registry.all():
        if str(each.name).startswith(incomplete):
            yield str(each.name), "retired" if each.retired else ""


@_from_lake
def batches(lake: Lake, incomplete: str) -> Proposals:
    """The newest batches of all datasets, the newest first: a short Query a dataset, several at a time."""
    from pipeline.operate.catalog_state import each

    names = [str(registration.name) for registration in lake.registry.all()]
    of_each = each(names, lambda name: (name, lake.batches.statuses(name, PER_DATASET)))
    found = {batch: f"{name} {status}" for name, statuses in of_each for batch, status in statuses.items()}
    for batch in sorted(found, reverse=True):
        if batch.startswith(incomplete.upper()):
            yield batch, found[batch]


@_from_lake
def executions(lake: Lake, incomplete: str) -> Proposals:
    """The newest executions of the lake's machines."""
    from pipeline.operate.execution_search import ExecutionFilter, search

    for each in search(lake, ExecutionFilter(name=incomplete), PROPOSED).executions:
        if each.run.name.startswith(incomplete):
            yield each.run.name, each.outcome


@_from_lake
def saved_queries(lake: Lake, incomplete: str) -> Proposals:
    """Names of saved queries."""
    from pipeline.operate.saved_queries import SavedQueries

    for each in SavedQueries(lake).all():
        if each.name.startswith(incomplete):
            yield each.name, each.sql[:60]


@_from_lake
def objects(lake: Lake, incomplete: str) -> Proposals:
    """Keys of the raw bucket, those of objects that changed last first."""
    from pipeline.lake.settings import Setting
    from pipeline.operate.object_filter import ObjectFilter
    from pipeline.operate.object_search import search

    raw, seen = lake.settings[Setting.RAW_BUCKET], set()
    for row in search(lake, ObjectFilter(name=incomplete), PROPOSED).rows:
        key = row.object.key
        if row.object.bucket == raw and key.startswith(incomplete) and key not in seen:
            seen.add(key)
            yield key, row.status.value
