"""Applies the checkout's dataset definitions to a lake, or plans that."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from pipeline.core.clients import client
from pipeline.core.clock import iso
from pipeline.core.definitions.problems import Problem
from pipeline.core.events.s3 import SendAgain
from pipeline.core.objects import ObjectVersion
from pipeline.deploy.datasets import application, plans, retirement
from pipeline.deploy.datasets.application import Applied, Parts
from pipeline.deploy.datasets.grants import too_long
from pipeline.deploy.datasets.plans import Planned
from pipeline.deploy.datasets.retirement import Retired
from pipeline.deploy.datasets.wheels import upload_wheels
from pipeline.deploy.engine import LAKE, Backend, artefact_bucket, whereabouts
from pipeline.deploy.rulesets import Rulesets
from pipeline.lake.batches.pauses import Paused
from pipeline.lake.catalog import Status
from pipeline.lake.datasets import Dataset, DatasetName
from pipeline.lake.datasets.files import Definition, read_all
from pipeline.lake.datasets.registry import Registration
from pipeline.lake.services import Lake
from pipeline.lake.settings import Setting
from pipeline.lake.transforms.checks import transform_findings
from pipeline.operate.connection import Connected
from pipeline.operate.retirement import what_keeps
from pipeline.operate.ruleset_findings import ruleset_findings

CHUNK = 100
"""Waiting objects that are read and sent at once."""


def apply_definitions(
    root: Path,
    connected: Connected,
    backend: Backend,
    *,
    only: Collection[DatasetName] = (),
    report: Callable[[Applied], None] = lambda applied: None,
    alter_tables: bool = False,
    retire_all: bool = False,
    report_retired: Callable[[Retired], None] = lambda retired: None,
) -> list[Applied]:
    """Bring the datasets of the lake to what the checkout `root` defines, or those that `only` names.

    Without `only`, a registered dataset that has no file is retired; `Refused` if that were more than half of them,
    unless `retire_all`, and by the `backend` if a stack would lose what its queues hold. `alter_tables` and other
    errors as `application.apply`. Every file must be right, also one that is not applied.
    """
    definitions = read_all(root).or_raise()
    registrations = connected.lake.registry.all()
    with Rulesets(parsed=_rulesets(registrations)) as rulesets:
        parts = _parts(root, connected, backend, rulesets, by_name(definitions))
        if only:
            return application.apply(definitions, parts, only=only, alter_tables=alter_tables, report=report)
        defined = {definition.dataset.name for definition in definitions}
        if not retire_all:
            retirement.guard(registrations, defined)
        applied = application.apply(definitions, parts, alter_tables=alter_tables, report=report)
        retirement.retire(retirement.without_file(registrations, defined), parts, report_retired)
        return applied


def plan_definitions(
    root: Path, connected: Connected, backend: Backend, *, only: Collection[DatasetName] = ()
) -> list[Planned]:
    """What `apply_definitions` would do with each dataset; nothing is changed, and errors are the same."""
    definitions = read_all(root).or_raise()
    with Rulesets(parsed=_rulesets(connected.lake.registry.all())) as rulesets:
        return plans.plan(definitions, _parts(root, connected, backend, rulesets, by_name(definitions)), only)


def plan_deployed(root: Path, connect: Callable[[], Connected], backend: Backend, *, stands: bool) -> list[Planned]:
    """What deploying would do with the datasets, as `plan_definitions`; of a lake that does not stand yet, nothing is
    known but whether their files are right."""
    if stands:
        return plan_definitions(root, connect(), backend)
    definitions = read_all(root).or_raise()
    with Rulesets() as rulesets:
        known = by_name(definitions)
        application.check(definitions, lambda definition: _refused(definition, rulesets, known))
    return []


def refuse(planned: Sequence[Planned]) -> None:
    """`Refused`, as applying refuses it, if it would retire more than half of the datasets in use."""
    to_retire = [each.name for each in planned if each.action is plans.Action.RETIRE]
    retirement.refuse(to_retire, plans.used(planned))


def _rulesets(registrations: Iterable[Registration]) -> set[str]:
    """The rulesets in use: none was registered without AWS's parser."""
    return {each.dataset.quality.ruleset for each in registrations if each.dataset.quality}


def all_findings(
    definition: Definition, rulesets: Rulesets, known: Mapping[DatasetName, Dataset]
) -> Iterator[tuple[Problem, str]]:
    """What is wrong with a definition's ruleset and its transform; `known` are all datasets that are defined."""
    yield from ruleset_findings(definition, rulesets.check)
    yield from transform_findings(definition, known)
    yield from ((problem, "error") for problem in too_long(definition))


def by_name(definitions: Iterable[Definition]) -> dict[DatasetName, Dataset]:
    """The datasets by their names."""
    return {definition.dataset.name: definition.dataset for definition in definitions}


def _refused(definition: Definition, rulesets: Rulesets, known: Mapping[DatasetName, Dataset]) -> Iterator[Problem]:
    return (problem for problem, severity in all_findings(definition, rulesets, known) if severity == "error")


def _parts(
    root: Path, connected: Connected, backend: Backend, rulesets: Rulesets, known: Mapping[DatasetName, Dataset]
) -> Parts:
    from pipeline.lake.tables.agreement import stands
    from pipeline.lake.tables.creation import TableChange, create_database, create_table, plan_table
    from pipeline.lake.tables.parquet_creation import create_parquet_table, plan_parquet_table

    # One catalog for all that change: making PyIceberg's costs more than half a second.
    tables = connected.lake.tables

    def plan(dataset: Dataset, table: str) -> TableChange:
        if dataset.table.format == "parquet":
            return plan_parquet_table(dataset, table)
        if stands(dataset, table, glue=client("glue"), s3=client("s3"), home=connected.lake.homes.of(table)):
            return "none"
        return plan_table(dataset, table, tables)

    def create(dataset: Dataset, table: str, location: str) -> None:
        if dataset.table.format == "parquet":
            create_parquet_table(dataset, table, location)
        else:
            create_table(dataset, table, location, tables)

    lake = connected.lake
    return Parts(
        registry=lake.registry,
        stacks=backend.stacks,
        create_database=partial(create_database, glue=client("glue")),
        plan_table=plan,
        create_table=create,
        check_rules=lambda definition: _refused(definition, rulesets, known),
        send_waiting=lambda name: send_waiting(lake, name),
        what_keeps=partial(what_keeps, lake),
        now=lambda: iso(lake.clock()),
        template=root / application.TEMPLATE,
        team_template=root / application.TEAM_TEMPLATE,
        lake=LAKE,
        env=connected.env,
        database_prefix=lake.settings[Setting.DATABASE_PREFIX],
        curated_bucket=lake.settings[Setting.CURATED_BUCKET],
        at=whereabouts(backend),
        upload_wheels=lambda dataset: upload_wheels(
            dataset, backend.glue, client("s3"), artefact_bucket(backend), backend.account
        ),
        of_teams=backend.of_teams,
        is_paused=lambda name: Paused.SCHEDULE in lake.pauses.of([str(name)]).get(str(name), {}),
    )


def send_waiting(lake: Lake, name: DatasetName) -> int:
    """Send what arrived before `name` was registered through Stage A; doing it twice is harmless."""
    sent = 0
    waiting = lake.catalog.unrouted(name)
    while chunk := list(islice(waiting, CHUNK)):
        again = _still_waiting(lake, chunk)
        lake.send_again(again)
        sent += len(again)
    return sent


def _still_waiting(lake: Lake, objects: Sequence[ObjectVersion]) -> list[SendAgain]:
    """The index is a hint: the rows themselves say which objects wait, and as which generation they go on."""
    rows = lake.catalog.get_many(list(objects))
    return [SendAgain(row.object, row.generation + 1) for row in rows if row.status is Status.UNROUTED]
